import { IconMail } from "@tabler/icons-react";
import { api, ask } from "../../api/client.ts";
import type { Invitation } from "../../api/types.ts";
import { textOr, useText } from "../../i18n/index.ts";
import { ListPage, useRefresh } from "../../ui/ListPage.tsx";
import { Tag } from "../../ui/Note.tsx";
import { DateTime } from "../../ui/Time.tsx";

export function Invitations() {
  const t = useText();
  const refresh = useRefresh("invitations");
  const revoke = async (invitationId: string) => {
    const path = { invitationId };
    await ask(api.POST("/v1/invitations/{invitationId}:revoke", { params: { path }, body: {} }));
    await refresh();
  };
  return (
    <ListPage<Invitation>
      noun="invitation"
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
      idOf={(row) => row.invitationId}
      nameOf={(row) => row.email}
      remove={{
        run: revoke,
        title: () => t("admin.people.revoke"),
        body: (email) => t("admin.people.revokeBody", { email }),
        label: t("admin.people.revoke"),
        allowed: (row) => row.state === "INVITATION_STATE_PENDING",
      }}
      columns={[
        { head: t("start.email"), cell: (row) => <bdi>{row.email}</bdi> },
        { head: t("admin.people.role"), cell: (row) => textOr("role", row.role ?? "") },
        {
          head: t("watch.state"),
          cell: (row) => (
            <Tag tone={row.state === "INVITATION_STATE_PENDING" ? "info" : "neutral"}>
              {textOr("invitationState", row.state ?? "")}
            </Tag>
          ),
        },
        { head: t("admin.people.expires"), cell: (row) => <DateTime value={row.expireTime} /> },
      ]}
    />
  );
}
