import { NumberInput, Select, Switch, Text } from "@mantine/core";
import { optionsOf, useQueues } from "../../api/names.ts";
import { useText } from "../../i18n/index.ts";
import { SkillFields } from "./SkillFields.tsx";
import { type FieldsProps, Target } from "./StepFields.tsx";
import { UtteranceFields } from "./UtteranceFields.tsx";

/** Whose agents call back, when that is offered, and what is said. */
export function CallbackOfferFields({ value, set, steps }: FieldsProps<"callbackOffer">) {
  const t = useText();
  const queues = useQueues().data ?? [];
  return (
    <>
      <Select
        label={t("desktop.queue")}
        data={optionsOf(queues, "queueId")}
        value={value.queueId || null}
        onChange={(queueId) => set({ queueId: queueId ?? "" })}
      />
      <Switch
        label={t("flows.callbackAlways")}
        description={t("flows.callbackAlwaysHint")}
        checked={value.always ?? false}
        onChange={(event) => set({ always: event.currentTarget.checked })}
        data-testid="callback-always"
      />
      <NumberInput
        label={t("flows.priority")}
        min={0}
        max={9}
        value={value.priority ?? 0}
        onChange={(priority) => set({ priority: Number(priority) })}
      />
      <SkillFields skills={value.skills ?? {}} onChange={(skills) => set({ skills })} />
      <UtteranceFields
        label={t("flows.callbackSays")}
        value={value.utterance}
        onChange={(utterance) => set({ utterance })}
      />
      <Text size="sm">{t("flows.callbackKeys")}</Text>
      <UtteranceFields
        label={t("flows.callbackConfirmation")}
        value={value.confirmation}
        onChange={(confirmation) => set({ confirmation })}
      />
      <Target
        label={t("flows.callbackDeclined")}
        value={value.declined}
        steps={steps}
        onChange={(declined) => set({ declined })}
      />
    </>
  );
}
