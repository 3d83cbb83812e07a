import { Table, TextInput } from "@mantine/core";
import { IconChecklist } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import type { Disposition } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { Confirm } from "../../ui/Confirm.tsx";
import { FormModal } from "../../ui/FormModal.tsx";
import { ListPage, useRefresh } from "../../ui/ListPage.tsx";
import { RowActions } from "../../ui/RowActions.tsx";
import { DateTime } from "../../ui/Time.tsx";

export default function DispositionsPage() {
  const t = useText();
  const refresh = useRefresh("dispositions", "dispositionList");
  const [name, setName] = useState<string>();
  const [deleting, setDeleting] = useState<Disposition>();
  const save = async () => {
    const disposition = { displayName: name ?? "" };
    await ask(api.POST("/v1/dispositions", { body: { requestId: newRequestId(), disposition } }));
    await refresh();
  };
  const remove = async (dispositionId: string) => {
    await ask(api.DELETE("/v1/dispositions/{dispositionId}", { params: { path: { dispositionId } } }));
    await refresh();
  };
  return (
    <>
      <ListPage<Disposition>
        title={t("nav.dispositions")}
        lead={t("admin.dispositions.lead")}
        queryKey={["dispositionList"]}
        icon={IconChecklist}
        emptyTitle={t("admin.dispositions.none")}
        emptyBody={t("admin.dispositions.noneBody")}
        add={{ label: t("admin.dispositions.add"), onClick: () => setName(""), testId: "disposition-add" }}
        read={async (pageToken) => {
          const answer = await ask(api.GET("/v1/dispositions", { params: { query: { pageToken } } }));
          return { rows: answer.dispositions ?? [], next: answer.nextPageToken ?? "" };
        }}
      >
        {(rows) => (
          <Table>
            <Table.Tbody>
              {rows.map((each) => (
                <Table.Tr key={each.dispositionId}>
                  <Table.Td>
                    <bdi>{each.displayName}</bdi>
                  </Table.Td>
                  <Table.Td>
                    <DateTime value={each.createTime} />
                  </Table.Td>
                  <Table.Td>
                    <RowActions
                      name={each.displayName ?? ""}
                      testId={`disposition-${each.dispositionId}`}
                      onDelete={() => setDeleting(each)}
                    />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        )}
      </ListPage>
      {name !== undefined && (
        <FormModal
          title={t("admin.dispositions.add")}
          onClose={() => setName(undefined)}
          onSave={save}
          testId="disposition"
        >
          <TextInput
            label={t("common.name")}
            required
            data-autofocus
            maxLength={120}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            data-testid="disposition-name"
          />
        </FormModal>
      )}
      <Confirm
        opened={deleting !== undefined}
        title={t("admin.delete.title", { name: deleting?.displayName ?? "" })}
        body={t("admin.dispositions.deleteBody")}
        confirm={t("common.delete")}
        onClose={() => setDeleting(undefined)}
        onConfirm={() => remove(deleting?.dispositionId ?? "")}
      />
    </>
  );
}
