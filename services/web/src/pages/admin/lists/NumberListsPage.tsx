import { Anchor } from "@mantine/core";
import { IconListNumbers } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "wouter";
import { api, ask } from "../../../api/client.ts";
import type { NumberList } from "../../../api/types.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { ListPage, useRefresh } from "../../../ui/ListPage.tsx";
import { DateTime } from "../../../ui/Time.tsx";
import { LookUp } from "./LookUp.tsx";
import { NumberListForm } from "./NumberListForm.tsx";

/** Lists of numbers that rules ask about. */
export function NumberListsPage() {
  const t = useText();
  const language = useLanguage();
  const refresh = useRefresh("numberLists");
  const [editing, setEditing] = useState<NumberList>();
  const remove = async (numberListId: string) => {
    await ask(api.DELETE("/v1/numberLists/{numberListId}", { params: { path: { numberListId } } }));
    await refresh();
  };
  return (
    <>
      <ListPage<NumberList>
        noun="number-list"
        title={t("nav.numberLists")}
        lead={t("numberLists.lead")}
        queryKey={["numberLists", "pages"]}
        icon={IconListNumbers}
        emptyTitle={t("numberLists.none")}
        emptyBody={t("numberLists.noneBody")}
        add={{ label: t("numberLists.add"), onClick: () => setEditing({}) }}
        note={<LookUp />}
        read={async (pageToken) => {
          const answer = await ask(api.GET("/v1/numberLists", { params: { query: { pageToken } } }));
          return { rows: answer.numberLists ?? [], next: answer.nextPageToken ?? "" };
        }}
        idOf={(row) => row.numberListId}
        nameOf={(row) => row.displayName}
        onEdit={setEditing}
        remove={{ run: remove, body: t("numberLists.deleteBody") }}
        columns={[
          {
            head: t("common.name"),
            cell: (row) => (
              <Anchor component={Link} href={`/admin/number-lists/${row.numberListId}`}>
                <bdi>{row.displayName}</bdi>
              </Anchor>
            ),
          },
          { head: t("numberLists.key"), cell: (row) => <code dir="ltr">{row.key}</code> },
          { head: t("numberLists.count"), cell: (row) => formatNumber(row.entryCount ?? 0, language) },
          { head: t("numberLists.changed"), cell: (row) => <DateTime value={row.updateTime} /> },
        ]}
      />
      {editing && <NumberListForm list={editing} onClose={() => setEditing(undefined)} onSaved={refresh} />}
    </>
  );
}
