import { Tabs } from "@mantine/core";
import { IconStack2 } from "@tabler/icons-react";
import { Suspense, useState } from "react";
import { api, ask } from "../../api/client.ts";
import { useSkills } from "../../api/staff.ts";
import type { Queue } from "../../api/types.ts";
import { durationSeconds } from "../../format/durations.ts";
import { formatNumber } from "../../format/numbers.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { ListPage, useRefresh } from "../../ui/ListPage.tsx";
import { lazyPage } from "../../ui/lazyPage.ts";
import { Tag } from "../../ui/Note.tsx";
import { Length } from "../../ui/Time.tsx";
import { shortStrategy } from "./rules/strategies.ts";
import { SkillsTab } from "./Skills.tsx";

const QueueForm = lazyPage(() => import("./QueueForm.tsx"));

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
  const language = useLanguage();
  const skills = useSkills().data ?? [];
  const refresh = useRefresh("queues", "queueList");
  const [editing, setEditing] = useState<Queue>();
  const remove = async (queueId: string) => {
    await ask(api.DELETE("/v1/queues/{queueId}", { params: { path: { queueId } } }));
    await refresh();
  };
  const skillName = (id: string | undefined) =>
    skills.find((skill) => skill.skillId === id)?.displayName ?? id;
  return (
    <>
      <ListPage<Queue>
        noun="queue"
        title={t("admin.queues")}
        lead={t("admin.queues.lead")}
        queryKey={["queueList"]}
        icon={IconStack2}
        emptyTitle={t("watch.noQueues.title")}
        emptyBody={t("watch.noQueues.body")}
        add={{
          label: t("admin.queues.add"),
          onClick: () => setEditing({ openToAll: true }),
        }}
        read={async (pageToken) => {
          const answer = await ask(api.GET("/v1/queues", { params: { query: { pageToken } } }));
          return { rows: answer.queues ?? [], next: answer.nextPageToken ?? "" };
        }}
        idOf={(row) => row.queueId}
        nameOf={(row) => row.displayName}
        onEdit={setEditing}
        remove={{ run: remove, body: t("admin.queues.deleteBody") }}
        columns={[
          { head: t("common.name"), cell: (row) => <bdi>{row.displayName}</bdi> },
          {
            head: t("admin.skills"),
            cell: (row) =>
              row.requiredSkills?.length
                ? row.requiredSkills.map((level) => (
                    <Tag key={level.skillId}>
                      <bdi>{skillName(level.skillId)}</bdi> ≥ {formatNumber(level.proficiency ?? 1, language)}
                    </Tag>
                  ))
                : "–",
          },
          {
            head: t("rules.strategy"),
            testId: "strategy",
            cell: ({ rules }) => t(`strategy.${shortStrategy(rules?.strategy)}`),
          },
          {
            head: t("admin.queues.served"),
            cell: (row) => (row.openToAll ? t("admin.queues.everyone") : t("admin.queues.members")),
          },
          {
            head: t("admin.queues.offerTimeout"),
            cell: (row) => <Length seconds={durationSeconds(row.offerTimeout) || 20} />,
          },
          {
            head: t("desktop.wrapUp.title"),
            cell: ({ wrapUpDuration }) => (
              <Length seconds={wrapUpDuration === undefined ? 30 : durationSeconds(wrapUpDuration)} />
            ),
          },
          {
            head: t("admin.queues.threshold"),
            cell: (row) => <Length seconds={durationSeconds(row.serviceLevelThreshold) || 20} />,
          },
        ]}
      />
      {editing && (
        <Suspense>
          <QueueForm queue={editing} onClose={() => setEditing(undefined)} onSaved={refresh} />
        </Suspense>
      )}
    </>
  );
}
