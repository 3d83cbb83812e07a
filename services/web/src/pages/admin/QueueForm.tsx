import { MultiSelect, NumberInput, SimpleGrid, Stack, Switch } from "@mantine/core";
import { useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import { optionsOf, useDispositions } from "../../api/names.ts";
import type { Queue } from "../../api/types.ts";
import { durationSeconds, toDuration } from "../../format/durations.ts";
import { useText } from "../../i18n/index.ts";
import { FormModal } from "../../ui/FormModal.tsx";
import { TextField } from "../../ui/fields.tsx";
import { saidOf, saidWithin, snake, whereToLook } from "./rules/places.ts";
import { type PartProps, QueueParts, rulesToSave } from "./rules/QueueParts.tsx";
import { WrapUpFields } from "./WrapUpFields.tsx";

const MASK =
  "displayName,requiredSkills,offerTimeout,wrapUpDuration,dispositionRequired,serviceLevelThreshold,shortAbandonThreshold,dispositionIds,openToAll,rules,businessHoursId,overflow,callbacks,wrapUpMode,wrapUpExtension,missedOfferReturn,autoAccept";

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
      noted={whereToLook}
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
            error={saidOf(problem, "display_name")}
            onChange={(event) => change({ displayName: event.currentTarget.value })}
            data-testid="queue-name"
          />
          <QueueParts
            queue={queue}
            problem={problem}
            onChange={change}
            general={<GeneralFields queue={queue} problem={problem} onChange={change} />}
          />
        </>
      )}
    </FormModal>
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
            error={saidOf(problem, snake(field))}
            onChange={(value) => onChange({ [field]: toDuration(Number(value)) })}
          />
        ))}
      </SimpleGrid>
      <Switch
        label={t("autoAccept")}
        description={t("autoAccept.queueHint")}
        checked={queue.autoAccept ?? false}
        onChange={(event) => onChange({ autoAccept: event.currentTarget.checked })}
        data-testid="queue-auto-accept"
      />
      <WrapUpFields queue={queue} problem={problem} onChange={onChange} />
      <MultiSelect
        label={t("admin.queues.dispositions")}
        description={t("admin.queues.dispositionsHint")}
        data={optionsOf(dispositions, "dispositionId")}
        value={queue.dispositionIds ?? []}
        error={saidWithin(problem, "disposition_ids")}
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
