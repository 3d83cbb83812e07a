import { IconClockHour4 } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import type { BusinessHours } from "../../api/types.ts";
import { NINE_TO_SIX } from "../../format/weeks.ts";
import { useText } from "../../i18n/index.ts";
import { ownTimeZone } from "../../ui/fields.tsx";
import { ListPage, useRefresh } from "../../ui/ListPage.tsx";
import { HoursForm } from "./HoursForm.tsx";
import { OpenNow } from "./OpenNow.tsx";

export default function HoursPage() {
  const t = useText();
  const refresh = useRefresh("hours", "hoursCheck");
  const [editing, setEditing] = useState<BusinessHours>();
  const remove = async (businessHoursId: string) => {
    await ask(api.DELETE("/v1/businessHours/{businessHoursId}", { params: { path: { businessHoursId } } }));
    await refresh();
  };
  return (
    <>
      <ListPage<BusinessHours>
        noun="hours"
        title={t("nav.hours")}
        lead={t("admin.hours.lead")}
        queryKey={["hours"]}
        icon={IconClockHour4}
        emptyTitle={t("admin.hours.none")}
        emptyBody={t("admin.hours.noneBody")}
        add={{
          label: t("admin.hours.add"),
          onClick: () => setEditing({ timeZone: ownTimeZone(), intervals: NINE_TO_SIX }),
        }}
        read={async (pageToken) => {
          const answer = await ask(api.GET("/v1/businessHours", { params: { query: { pageToken } } }));
          return { rows: answer.businessHours ?? [], next: answer.nextPageToken ?? "" };
        }}
        idOf={(row) => row.businessHoursId}
        nameOf={(row) => row.displayName}
        onEdit={setEditing}
        remove={{ run: remove, body: t("admin.hours.deleteBody") }}
        columns={[
          { head: t("common.name"), cell: (row) => <bdi>{row.displayName}</bdi> },
          { head: t("common.timeZone"), cell: (row) => <span className="m-ltr">{row.timeZone}</span> },
          {
            head: t("admin.hours.now"),
            cell: (row) => <OpenNow businessHoursId={row.businessHoursId ?? ""} />,
          },
        ]}
      />
      {editing && <HoursForm hours={editing} onClose={() => setEditing(undefined)} onSaved={refresh} />}
    </>
  );
}
