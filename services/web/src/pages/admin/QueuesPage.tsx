import { Table, Tabs } from "@mantine/core";
import { IconStack2 } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import type { Queue } from "../../api/types.ts";
import { durationSeconds } from "../../format/durations.ts";
import { useText } from "../../i18n/index.ts";
import { Confirm } from "../../ui/Confirm.tsx";
import { ListPage, useRefresh } from "../../ui/ListPage.tsx";
import { Tag } from "../../ui/Note.tsx";
import { RowActions } from "../../ui/RowActions.tsx";
import { Length } from "../../ui/Time.tsx";
import { QueueForm } from "./QueueForm.tsx";
import { SkillsTab, useSkills } from "./Skills.tsx";

export default function QueuesPage() {
  const t = useText();
  return (
    <Tabs defaultValue="queues" keepMounted={false}>
      <Tabs.List mb="lg">
        <Tabs.Tab value="queues">{t("admin.queues")}</Tabs.Tab>
        <Tabs.Tab value="skills" data-testid="tab-skills">
          {t("admin.skills")}
        </Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value="queues">
        <Queues />
      </Tabs.Panel>
      <Tabs.Panel value="skills">
        <SkillsTab />
      </Tabs.Panel>
    </Tabs>
  );
}

function Queues() {
  const t = useText();
  const skills = useSkills().data ?? [];
  const refresh = useRefresh("queues", "queueList");
  const [editing, setEditing] = useState<Queue>();
  const [deleting, setDeleting] = useState<Queue>();
  const remove = async (queueId: string) => {
    await ask(api.DELETE("/v1/queues/{queueId}", { params: { path: { queueId } } }));
    await refresh();
  };
  const skillName = (id: string | undefined) =>
    skills.find((skill) => skill.skillId === id)?.displayName ?? id;
  return (
    <>
      <ListPage<Queue>
        title={t("admin.queues")}
        lead={t("admin.queues.lead")}
        queryKey={["queueList"]}
        icon={IconStack2}
        emptyTitle={t("watch.noQueues.title")}
        emptyBody={t("watch.noQueues.body")}
        add={{
          label: t("admin.queues.add"),
          onClick: () => setEditing({ openToAll: true }),
          testId: "queue-add",
        }}
        read={async (pageToken) => {
          const answer = await ask(api.GET("/v1/queues", { params: { query: { pageToken } } }));
          return { rows: answer.queues ?? [], next: answer.nextPageToken ?? "" };
        }}
      >
        {(rows) => (
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("common.name")}</Table.Th>
                <Table.Th>{t("admin.skills")}</Table.Th>
                <Table.Th>{t("admin.queues.served")}</Table.Th>
                <Table.Th>{t("admin.queues.offerTimeout")}</Table.Th>
                <Table.Th>{t("desktop.wrapUp.title")}</Table.Th>
                <Table.Th>{t("admin.queues.threshold")}</Table.Th>
                <Table.Th aria-label={t("common.actions")} />
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {rows.map((queue) => (
                <Table.Tr key={queue.queueId} data-testid={`queue-${queue.queueId}`}>
                  <Table.Td>
                    <bdi>{queue.displayName}</bdi>
                  </Table.Td>
                  <Table.Td>
                    {(queue.requiredSkills ?? []).length === 0
                      ? "–"
                      : queue.requiredSkills?.map((level) => (
                          <Tag key={level.skillId}>
                            {skillName(level.skillId)} ≥ {level.proficiency}
                          </Tag>
                        ))}
                  </Table.Td>
                  <Table.Td>
                    {queue.openToAll ? t("admin.queues.everyone") : t("admin.queues.members")}
                  </Table.Td>
                  <Table.Td>
                    <Length seconds={durationSeconds(queue.offerTimeout) || 20} />
                  </Table.Td>
                  <Table.Td>
                    <Length
                      seconds={
                        queue.wrapUpDuration === undefined ? 30 : durationSeconds(queue.wrapUpDuration)
                      }
                    />
                  </Table.Td>
                  <Table.Td>
                    <Length seconds={durationSeconds(queue.serviceLevelThreshold) || 20} />
                  </Table.Td>
                  <Table.Td>
                    <RowActions
                      name={queue.displayName ?? ""}
                      testId={`queue-${queue.queueId}`}
                      onEdit={() => setEditing(queue)}
                      onDelete={() => setDeleting(queue)}
                    />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        )}
      </ListPage>
      {editing && <QueueForm queue={editing} onClose={() => setEditing(undefined)} onSaved={refresh} />}
      <Confirm
        opened={deleting !== undefined}
        title={t("admin.delete.title", { name: deleting?.displayName ?? "" })}
        body={t("admin.queues.deleteBody")}
        confirm={t("common.delete")}
        onClose={() => setDeleting(undefined)}
        onConfirm={() => remove(deleting?.queueId ?? "")}
      />
    </>
  );
}
