import { Button, Table } from "@mantine/core";
import { IconMail } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import type { Invitation } from "../../api/types.ts";
import { textOr, useText } from "../../i18n/index.ts";
import { Confirm } from "../../ui/Confirm.tsx";
import { ListPage, useRefresh } from "../../ui/ListPage.tsx";
import { Tag } from "../../ui/Note.tsx";
import { DateTime } from "../../ui/Time.tsx";

export function Invitations() {
  const t = useText();
  const refresh = useRefresh("invitations");
  const [revoking, setRevoking] = useState<Invitation>();
  const revoke = async (invitationId: string) => {
    const path = { invitationId };
    await ask(api.POST("/v1/invitations/{invitationId}:revoke", { params: { path }, body: {} }));
    await refresh();
  };
  return (
    <>
      <ListPage<Invitation>
        title={t("admin.people.invitations")}
        lead={t("admin.people.invitationsLead")}
        queryKey={["invitations"]}
        icon={IconMail}
        emptyTitle={t("admin.people.noInvitations")}
        emptyBody={t("admin.people.noInvitationsBody")}
        read={async (pageToken) => {
          const answer = await ask(api.GET("/v1/invitations", { params: { query: { pageToken } } }));
          return { rows: answer.invitations ?? [], next: answer.nextPageToken ?? "" };
        }}
      >
        {(rows) => (
          <Table>
            <Table.Tbody>
              {rows.map((each) => (
                <Table.Tr key={each.invitationId}>
                  <Table.Td>
                    <bdi>{each.email}</bdi>
                  </Table.Td>
                  <Table.Td>{textOr("role", each.role ?? "")}</Table.Td>
                  <Table.Td>
                    <Tag tone={each.state === "INVITATION_STATE_PENDING" ? "info" : "neutral"}>
                      {textOr("invitationState", each.state ?? "")}
                    </Tag>
                  </Table.Td>
                  <Table.Td>
                    <DateTime value={each.expireTime} />
                  </Table.Td>
                  <Table.Td>
                    {each.state === "INVITATION_STATE_PENDING" && (
                      <Button size="compact-sm" variant="default" onClick={() => setRevoking(each)}>
                        {t("admin.people.revoke")}
                      </Button>
                    )}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        )}
      </ListPage>
      <Confirm
        opened={revoking !== undefined}
        title={t("admin.people.revoke")}
        body={t("admin.people.revokeBody", { email: revoking?.email ?? "" })}
        confirm={t("admin.people.revoke")}
        onClose={() => setRevoking(undefined)}
        onConfirm={() => revoke(revoking?.invitationId ?? "")}
      />
    </>
  );
}
