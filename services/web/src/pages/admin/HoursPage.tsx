import { Table } from "@mantine/core";
import { IconClockHour4 } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import type { BusinessHours } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { Confirm } from "../../ui/Confirm.tsx";
import { ownTimeZone } from "../../ui/fields.tsx";
import { ListPage, useRefresh } from "../../ui/ListPage.tsx";
import { Tag } from "../../ui/Note.tsx";
import { RowActions } from "../../ui/RowActions.tsx";
import { DateTime } from "../../ui/Time.tsx";
import { HoursForm, NINE_TO_SIX } from "./HoursForm.tsx";

export default function HoursPage() {
  const t = useText();
  const refresh = useRefresh("hours", "hoursCheck");
  const [editing, setEditing] = useState<BusinessHours>();
  const [deleting, setDeleting] = useState<BusinessHours>();
  const remove = async (businessHoursId: string) => {
    await ask(api.DELETE("/v1/businessHours/{businessHoursId}", { params: { path: { businessHoursId } } }));
    await refresh();
  };
  return (
    <>
      <ListPage<BusinessHours>
        title={t("nav.hours")}
        lead={t("admin.hours.lead")}
        queryKey={["hours"]}
        icon={IconClockHour4}
        emptyTitle={t("admin.hours.none")}
        emptyBody={t("admin.hours.noneBody")}
        add={{
          label: t("admin.hours.add"),
          onClick: () => setEditing({ timeZone: ownTimeZone(), intervals: NINE_TO_SIX }),
          testId: "hours-add",
        }}
        read={async (pageToken) => {
          const answer = await ask(api.GET("/v1/businessHours", { params: { query: { pageToken } } }));
          return { rows: answer.businessHours ?? [], next: answer.nextPageToken ?? "" };
        }}
      >
        {(rows) => (
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("common.name")}</Table.Th>
                <Table.Th>{t("common.timeZone")}</Table.Th>
                <Table.Th>{t("admin.hours.now")}</Table.Th>
                <Table.Th aria-label={t("common.actions")} />
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {rows.map((hours) => (
                <Table.Tr key={hours.businessHoursId}>
                  <Table.Td>
                    <bdi>{hours.displayName}</bdi>
                  </Table.Td>
                  <Table.Td>
                    <span className="m-ltr">{hours.timeZone}</span>
                  </Table.Td>
                  <Table.Td>
                    <OpenNow businessHoursId={hours.businessHoursId ?? ""} />
                  </Table.Td>
                  <Table.Td>
                    <RowActions
                      name={hours.displayName ?? ""}
                      testId={`hours-${hours.businessHoursId}`}
                      onEdit={() => setEditing(hours)}
                      onDelete={() => setDeleting(hours)}
                    />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        )}
      </ListPage>
      {editing && <HoursForm hours={editing} onClose={() => setEditing(undefined)} onSaved={refresh} />}
      <Confirm
        opened={deleting !== undefined}
        title={t("admin.delete.title", { name: deleting?.displayName ?? "" })}
        body={t("admin.hours.deleteBody")}
        confirm={t("common.delete")}
        onClose={() => setDeleting(undefined)}
        onConfirm={() => remove(deleting?.businessHoursId ?? "")}
      />
    </>
  );
}

function OpenNow({ businessHoursId }: { businessHoursId: string }) {
  const t = useText();
  const { data } = useQuery({
    queryKey: ["hoursCheck", businessHoursId],
    queryFn: () =>
      ask(api.GET("/v1/businessHours/{businessHoursId}:check", { params: { path: { businessHoursId } } })),
    refetchInterval: 60_000,
  });
  if (!data) return null;
  return (
    <>
      <Tag tone={data.open ? "good" : "neutral"} dot>
        {data.open ? t("admin.hours.open") : t("admin.hours.closed")}
      </Tag>{" "}
      {data.changeTime && (
        <span style={{ color: "var(--m-muted)", fontSize: "0.87rem" }}>
          {t("admin.hours.until")} <DateTime value={data.changeTime} />
        </span>
      )}
    </>
  );
}
