import { MultiSelect, NumberInput, SimpleGrid, Stack, Switch, Tabs, VisuallyHidden } from "@mantine/core";
import { useEffect, useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import { optionsOf, useDispositions } from "../../api/names.ts";
import { fieldProblem, type Problem } from "../../api/problem.ts";
import type { Queue, RoutingRules } from "../../api/types.ts";
import { durationSeconds, toDuration } from "../../format/durations.ts";
import { useText } from "../../i18n/index.ts";
import { FormModal } from "../../ui/FormModal.tsx";
import { TextField } from "../../ui/fields.tsx";
import { CallbackFields } from "./rules/CallbackFields.tsx";
import { OverflowPart } from "./rules/OverflowPart.tsx";
import { PriorityFields } from "./rules/PriorityFields.tsx";
import { type Part, partOf } from "./rules/places.ts";
import classes from "./rules/rules.module.css";
import { SkillsPart } from "./rules/SkillsPart.tsx";
import { StrategyFields } from "./rules/StrategyFields.tsx";
import { WrapUpFields } from "./WrapUpFields.tsx";

const MASK =
  "displayName,requiredSkills,offerTimeout,wrapUpDuration,dispositionRequired,serviceLevelThreshold,shortAbandonThreshold,dispositionIds,openToAll,rules,businessHoursId,overflow,callbacks,wrapUpMode,wrapUpExtension,missedOfferReturn";

type Time = "offerTimeout" | "wrapUpDuration" | "serviceLevelThreshold" | "shortAbandonThreshold";

/** Seconds while they are edited, and what an unset one means. */
const TIMES: readonly (readonly [Time, number, number, number])[] = [
  ["offerTimeout", 20, 5, 120],
  ["wrapUpDuration", 30, 0, 900],
  ["serviceLevelThreshold", 20, 1, 3600],
  ["shortAbandonThreshold", 5, 0, 600],
];

export default function QueueForm(props: {
  queue: Queue;
  onClose: () => void;
  onSaved: () => Promise<void>;
}) {
  const t = useText();
  const [queue, setQueue] = useState<Queue>(props.queue);
  const change = (part: Partial<Queue>) => setQueue((before) => ({ ...before, ...part }));
  const save = async () => {
    const { queueId, version } = queue;
    const values = { ...queue, displayName: queue.displayName ?? "", rules: rulesToSave(queue.rules) };
    if (queueId) {
      const body = { queue: values, updateMask: MASK, version };
      await ask(
        api.PATCH("/v1/queues/{queue.queueId}", { params: { path: { "queue.queueId": queueId } }, body }),
      );
    } else await ask(api.POST("/v1/queues", { body: { requestId: newRequestId(), queue: values } }));
    await props.onSaved();
  };
  return (
    <FormModal
      title={queue.queueId ? t("admin.queues.edit") : t("admin.queues.add")}
      onClose={props.onClose}
      onSave={save}
      size="xl"
      testId="queue"
    >
      {(problem) => (
        <>
          <TextField
            label={t("setUp.queue.name")}
            required
            data-autofocus
            maxLength={120}
            value={queue.displayName ?? ""}
            error={fieldProblem(problem, "displayName")}
            onChange={(event) => change({ displayName: event.currentTarget.value })}
            data-testid="queue-name"
          />
          <Parts queue={queue} problem={problem} onChange={change} />
        </>
      )}
    </FormModal>
  );
}

/** A list goes with its strategy alone; it is kept while another one is looked at. */
function rulesToSave(rules: RoutingRules = {}): RoutingRules {
  return rules.strategy === "STRATEGY_LIST" ? rules : { ...rules, levels: [] };
}

interface PartProps {
  queue: Queue;
  problem: Problem | undefined;
  onChange: (part: Partial<Queue>) => void;
}

const PARTS: readonly Part[] = ["general", "choice", "skills", "priority", "overflow", "callbacks"];

/** Everything but the name, part by part; a problem turns to the part it is about. */
function Parts({ queue, problem, onChange }: PartProps) {
  const t = useText();
  const [part, setPart] = useState<Part>("general");
  const wrong = partOf(problem);
  useEffect(() => {
    const next = partOf(problem);
    if (next) setPart(next);
  }, [problem]);
  const rules = queue.rules ?? {};
  const changeRules = (some: Partial<RoutingRules>) => onChange({ rules: { ...rules, ...some } });
  const panels = {
    general: <GeneralFields queue={queue} problem={problem} onChange={onChange} />,
    choice: <StrategyFields rules={rules} problem={problem} onChange={changeRules} />,
    skills: <SkillsPart queue={queue} problem={problem} onChange={onChange} />,
    overflow: <OverflowPart queue={queue} problem={problem} onChange={onChange} />,
    priority: <PriorityFields rules={rules} problem={problem} onChange={changeRules} />,
    callbacks: (
      <CallbackFields
        rules={queue.callbacks ?? {}}
        problem={problem}
        onChange={(some) => onChange({ callbacks: { ...queue.callbacks, ...some } })}
      />
    ),
  };
  return (
    <Tabs
      value={part}
      onChange={(next) => setPart((next ?? "general") as Part)}
      keepMounted={false}
      className={classes.tabs}
    >
      <Tabs.List mb="md">
        {PARTS.map((each) => (
          <Tabs.Tab
            key={each}
            value={each}
            rightSection={each === wrong && <Wrong />}
            data-testid={`queue-part-${each}`}
          >
            {t(`rules.tab.${each}`)}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      <Tabs.Panel value={part}>{panels[part]}</Tabs.Panel>
    </Tabs>
  );
}

function Wrong() {
  const t = useText();
  return (
    <>
      <span className={classes.dot} aria-hidden />
      <VisuallyHidden>{t("rules.tab.wrong")}</VisuallyHidden>
    </>
  );
}

function GeneralFields({ queue, problem, onChange }: PartProps) {
  const t = useText();
  const dispositions = useDispositions().data ?? [];
  const labels: Record<Time, string> = {
    offerTimeout: t("admin.queues.offerTimeoutLabel"),
    wrapUpDuration: t("admin.queues.wrapUpLabel"),
    serviceLevelThreshold: t("admin.queues.thresholdLabel"),
    shortAbandonThreshold: t("admin.queues.shortAbandonLabel"),
  };
  return (
    <Stack>
      <Switch
        label={t("admin.queues.openToAll")}
        description={t("admin.queues.openToAllHint")}
        checked={queue.openToAll ?? false}
        onChange={(event) => onChange({ openToAll: event.currentTarget.checked })}
      />
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        {TIMES.map(([field, unset, min, max]) => (
          <NumberInput
            key={field}
            label={labels[field]}
            min={min}
            max={max}
            value={queue[field] === undefined ? unset : durationSeconds(queue[field])}
            error={fieldProblem(problem, field)}
            onChange={(value) => onChange({ [field]: toDuration(Number(value)) })}
          />
        ))}
      </SimpleGrid>
      <WrapUpFields queue={queue} problem={problem} onChange={onChange} />
      <MultiSelect
        label={t("admin.queues.dispositions")}
        description={t("admin.queues.dispositionsHint")}
        data={optionsOf(dispositions, "dispositionId")}
        value={queue.dispositionIds ?? []}
        onChange={(dispositionIds) => onChange({ dispositionIds })}
      />
      <Switch
        label={t("admin.queues.dispositionRequired")}
        checked={queue.dispositionRequired ?? false}
        onChange={(event) => onChange({ dispositionRequired: event.currentTarget.checked })}
      />
    </Stack>
  );
}
