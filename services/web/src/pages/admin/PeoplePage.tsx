import { Button, Tabs } from "@mantine/core";
import { IconUserPlus, IconUsers } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import { useNames } from "../../api/names.ts";
import { useAgents } from "../../api/staff.ts";
import type { User } from "../../api/types.ts";
import { textOr, useText } from "../../i18n/index.ts";
import { ListPage } from "../../ui/ListPage.tsx";
import { Tag } from "../../ui/Note.tsx";
import { DateTime } from "../../ui/Time.tsx";
import { CapacityTab } from "./Capacity.tsx";
import { Invitations } from "./Invitations.tsx";
import { InviteForm } from "./InviteForm.tsx";
import { PersonForm } from "./PersonForm.tsx";
import { ReasonsTab } from "./Reasons.tsx";

export default function PeoplePage() {
  const t = useText();
  const [inviting, setInviting] = useState(false);
  return (
    <>
      <Tabs defaultValue="users" keepMounted={false}>
        <div style={{ display: "flex", justifyContent: "flex-end", marginBottom: -36 }}>
          <Button
            style={{ zIndex: 1 }}
            leftSection={<IconUserPlus size={17} aria-hidden />}
            onClick={() => setInviting(true)}
            data-testid="invite-open"
          >
            {t("admin.people.invite")}
          </Button>
        </div>
        <Tabs.List mb="lg">
          <Tabs.Tab value="users">{t("nav.people")}</Tabs.Tab>
          <Tabs.Tab value="invitations" data-testid="tab-invitations">
            {t("admin.people.invitations")}
          </Tabs.Tab>
          <Tabs.Tab value="reasons" data-testid="tab-reasons">
            {t("presence.reasons")}
          </Tabs.Tab>
          <Tabs.Tab value="capacity" data-testid="tab-capacity">
            {t("capacity.title")}
          </Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="users">
          <Users />
        </Tabs.Panel>
        <Tabs.Panel value="invitations">
          <Invitations />
        </Tabs.Panel>
        <Tabs.Panel value="reasons">
          <ReasonsTab />
        </Tabs.Panel>
        <Tabs.Panel value="capacity">
          <CapacityTab />
        </Tabs.Panel>
      </Tabs>
      {inviting && <InviteForm onClose={() => setInviting(false)} />}
    </>
  );
}

function Users() {
  const t = useText();
  const names = useNames();
  const agents = useAgents().data ?? [];
  const [editing, setEditing] = useState<User>();
  const queuesOf = (user: User) => agents.find((agent) => agent.agentId === user.userId)?.queueIds ?? [];
  return (
    <>
      <ListPage<User>
        noun="user"
        title={t("nav.people")}
        lead={t("admin.people.lead")}
        queryKey={["userList"]}
        icon={IconUsers}
        emptyTitle={t("watch.noAgents.title")}
        emptyBody={t("setUp.done.peopleBody")}
        read={async (pageToken) => {
          const answer = await ask(api.GET("/v1/users", { params: { query: { pageToken } } }));
          return { rows: answer.users ?? [], next: answer.nextPageToken ?? "" };
        }}
        idOf={(row) => row.userId}
        nameOf={(row) => row.displayName}
        onEdit={setEditing}
        columns={[
          {
            head: t("common.name"),
            cell: (row) => (
              <>
                <bdi>{row.displayName}</bdi>
                <div style={{ color: "var(--m-muted)", fontSize: "0.85rem" }}>{row.email}</div>
              </>
            ),
          },
          {
            head: t("admin.people.role"),
            cell: (row) => (
              <>
                {textOr("role", row.role ?? "")}{" "}
                {row.state === "USER_STATE_DISABLED" && <Tag tone="bad">{t("admin.people.disabled")}</Tag>}
              </>
            ),
          },
          {
            head: t("watch.queues"),
            cell: (row) => (
              <bdi>{queuesOf(row).map(names.queue).join(", ") || t("admin.people.openQueues")}</bdi>
            ),
          },
          { head: t("admin.people.lastSignIn"), cell: (row) => <DateTime value={row.lastSignInTime} /> },
        ]}
      />
      {editing && (
        <PersonForm
          user={editing}
          agent={agents.find((agent) => agent.agentId === editing.userId)}
          onClose={() => setEditing(undefined)}
        />
      )}
    </>
  );
}
