import { IconChecklist } from "@tabler/icons-react";
import { api, ask, newRequestId } from "../../api/client.ts";
import type { Disposition } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { useRefresh } from "../../ui/ListPage.tsx";
import { NamedList } from "./NamedList.tsx";

export default function DispositionsPage() {
  const t = useText();
  const refresh = useRefresh("dispositions", "dispositionList");
  const add = async (displayName: string) => {
    const disposition = { displayName };
    await ask(api.POST("/v1/dispositions", { body: { requestId: newRequestId(), disposition } }));
    await refresh();
  };
  const remove = async (dispositionId: string) => {
    await ask(api.DELETE("/v1/dispositions/{dispositionId}", { params: { path: { dispositionId } } }));
    await refresh();
  };
  return (
    <NamedList<Disposition>
      noun="disposition"
      title={t("nav.dispositions")}
      lead={t("admin.dispositions.lead")}
      queryKey={["dispositionList"]}
      read={async (pageToken) => {
        const answer = await ask(api.GET("/v1/dispositions", { params: { query: { pageToken } } }));
        return { rows: answer.dispositions ?? [], next: answer.nextPageToken ?? "" };
      }}
      icon={IconChecklist}
      emptyTitle={t("admin.dispositions.none")}
      emptyBody={t("admin.dispositions.noneBody")}
      addLabel={t("admin.dispositions.add")}
      deleteBody={t("admin.dispositions.deleteBody")}
      idOf={(row) => row.dispositionId}
      onAdd={add}
      onDelete={remove}
    />
  );
}
