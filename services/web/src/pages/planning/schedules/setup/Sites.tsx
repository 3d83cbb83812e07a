import { IconMapPin } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask, newRequestId } from "../../../../api/client.ts";
import type { Site } from "../../../../api/types.ts";
import { useText } from "../../../../i18n/index.ts";
import { FormModal } from "../../../../ui/FormModal.tsx";
import { ownTimeZone, TextField, TimeZoneSelect } from "../../../../ui/fields.tsx";
import { useSites } from "../useSchedules.ts";
import { SetupList } from "./SetupList.tsx";
import { useRefreshSetup } from "./setup.ts";

/** Where agents work, and by whose clocks. */
export function Sites({ mayChange }: { mayChange: boolean }) {
  const t = useText();
  const refresh = useRefreshSetup();
  const found = useSites();
  return (
    <SetupList<Site>
      noun="site"
      title={t("schedules.part.sites")}
      lead={t("schedules.sitesLead")}
      icon={IconMapPin}
      rows={found.data}
      error={found.error}
      onRetry={() => void found.refetch()}
      idOf={(row) => row.siteId ?? ""}
      nameOf={(row) => row.displayName ?? ""}
      mayChange={mayChange}
      addLabel={t("schedules.siteAdd")}
      removeBody={t("schedules.removeBody")}
      remove={async (siteId) => {
        await ask(api.DELETE("/v1/wfm/sites/{siteId}", { params: { path: { siteId } } }));
        await refresh();
      }}
      form={(row, onClose) => <SiteForm site={row} onClose={onClose} onSaved={refresh} />}
      columns={[
        { head: t("common.name"), cell: (row) => <bdi>{row.displayName}</bdi> },
        { head: t("common.timeZone"), cell: (row) => <bdi>{row.timeZone}</bdi> },
      ]}
    />
  );
}

interface Props {
  site: Site | undefined;
  onClose: () => void;
  onSaved: () => Promise<unknown>;
}

function SiteForm({ site, onClose, onSaved }: Props) {
  const t = useText();
  const [value, setValue] = useState<Site>(site ?? { displayName: "", timeZone: ownTimeZone() });
  const [requestId] = useState(newRequestId);
  const set = (change: Partial<Site>) => setValue((before) => ({ ...before, ...change }));
  const save = async () => {
    if (site?.siteId) {
      const params = { path: { "site.siteId": site.siteId } };
      await ask(api.PATCH("/v1/wfm/sites/{site.siteId}", { params, body: { site: value } }));
    } else {
      await ask(api.POST("/v1/wfm/sites", { body: { requestId, site: value } }));
    }
    await onSaved();
  };
  return (
    <FormModal
      title={site?.displayName ?? t("schedules.siteAdd")}
      onClose={onClose}
      onSave={save}
      testId="site-form"
    >
      <TextField
        label={t("common.name")}
        required
        maxLength={100}
        value={value.displayName ?? ""}
        onChange={({ currentTarget }) => set({ displayName: currentTarget.value })}
        data-testid="site-name"
      />
      <TimeZoneSelect
        value={value.timeZone ?? ""}
        onChange={(timeZone) => set({ timeZone })}
        testId="site-zone"
      />
    </FormModal>
  );
}
