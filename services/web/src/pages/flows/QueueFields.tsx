import { NumberInput, Select, Switch } from "@mantine/core";
import { optionsOf, useQueues } from "../../api/names.ts";
import { durationSeconds } from "../../format/durations.ts";
import { useText } from "../../i18n/index.ts";
import { PreferredFields } from "./PreferredFields.tsx";
import { SkillFields } from "./SkillFields.tsx";
import { type FieldsProps, Seconds, Target } from "./StepFields.tsx";
import { usePrompts } from "./useFlow.ts";

/** Where a caller waits, what they hear meanwhile and where they go when nobody comes. */
export function QueueFields({ value, set, steps }: FieldsProps<"queue">) {
  const t = useText();
  const asLongest = t("flows.asLongestWait");
  const queues = useQueues().data ?? [];
  const prompts = usePrompts().data ?? [];
  return (
    <>
      {(value.byRules || steps.some((step) => step.entryRules)) && (
        <Switch
          label={t("flowSteps.byRules")}
          checked={value.byRules ?? false}
          onChange={(event) =>
            set(
              event.currentTarget.checked
                ? { byRules: true, queueId: "", priority: 0, skills: {} }
                : { byRules: false },
            )
          }
          data-testid="queue-by-rules"
        />
      )}
      {!value.byRules && (
        <>
          <Select
            label={t("desktop.queue")}
            data={optionsOf(queues, "queueId")}
            value={value.queueId || null}
            onChange={(queueId) => set({ queueId: queueId ?? "" })}
          />
          <NumberInput
            label={t("flows.priority")}
            min={0}
            max={9}
            value={value.priority ?? 0}
            onChange={(priority) => set({ priority: Number(priority) })}
          />
          <SkillFields skills={value.skills ?? {}} onChange={(skills) => set({ skills })} />
        </>
      )}
      <Select
        label={t("flows.music")}
        placeholder={t("flows.houseMusic")}
        clearable
        data={optionsOf(prompts, "promptId")}
        value={value.musicPromptId || null}
        onChange={(musicPromptId) => set({ musicPromptId: musicPromptId ?? "" })}
      />
      <Seconds
        label={t("flows.announce")}
        value={value.announceInterval}
        unset={30}
        onChange={(announceInterval) => set({ announceInterval })}
      />
      <Switch
        label={t("flows.announceOnlyImproved")}
        checked={value.announceOnlyImproved ?? false}
        onChange={(event) => set({ announceOnlyImproved: event.currentTarget.checked })}
      />
      <Seconds
        label={t("flows.maxWait")}
        value={value.maxWait}
        unset={0}
        onChange={(seconds) => set({ maxWait: durationSeconds(seconds) > 0 ? seconds : undefined })}
      />
      <Target
        label={t("flows.timedOut")}
        value={value.timedOut}
        steps={steps}
        onChange={(timedOut) => set({ timedOut })}
      />
      <Target
        label={t("flows.whenClosed")}
        value={value.closed}
        steps={steps}
        nowhere={asLongest}
        onChange={(closed) => set({ closed })}
      />
      <Target
        label={t("flows.nobodyStaffed")}
        value={value.nobodyStaffed}
        steps={steps}
        nowhere={asLongest}
        onChange={(nobodyStaffed) => set({ nobodyStaffed })}
      />
      <Target
        label={t("flows.full")}
        value={value.full}
        steps={steps}
        nowhere={asLongest}
        onChange={(full) => set({ full })}
      />
      <PreferredFields value={value} set={set} steps={steps} />
      <Target
        label={t("flowSteps.abandoned")}
        description={t("flowSteps.abandonedHint")}
        value={value.abandoned}
        steps={steps}
        nowhere={t("flowSteps.endsThere")}
        onChange={(abandoned) => set({ abandoned })}
      />
      <Target
        label={t("flowSteps.afterAgent")}
        description={t("flowSteps.afterAgentHint")}
        value={value.afterAgent}
        steps={steps}
        nowhere={t("flowSteps.callEnds")}
        onChange={(afterAgent) => set({ afterAgent })}
      />
    </>
  );
}
