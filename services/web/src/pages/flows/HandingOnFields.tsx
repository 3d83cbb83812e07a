import { NumberInput, Select, Switch, TextInput } from "@mantine/core";
import { optionsOf, useQueues } from "../../api/names.ts";
import type { Step } from "../../api/types.ts";
import { durationSeconds, toDuration } from "../../format/durations.ts";
import { useText } from "../../i18n/index.ts";
import { type FieldsProps, Next, Seconds, Target } from "./StepFields.tsx";
import { mailboxOf, ownedBy, sentTo, transferTargetOf } from "./steps.ts";
import { UtteranceFields } from "./UtteranceFields.tsx";
import { useAgents, useFlows, usePrompts } from "./useFlow.ts";

type Transfer = NonNullable<Step["transfer"]>;
type Voicemail = NonNullable<Step["voicemail"]>;

/** Where a caller is handed on to: first what kind of place, then which one. */
export function TransferFields({ value, set, steps }: FieldsProps<"transfer">) {
  const t = useText();
  const prompts = usePrompts().data ?? [];
  const target = transferTargetOf(value);
  return (
    <>
      <Select
        label={t("flows.transferTo")}
        data={[
          { value: "queueId", label: t("desktop.queue") },
          { value: "agentId", label: t("flows.oneAgent") },
          { value: "number", label: t("flows.phoneNumber") },
          { value: "flowId", label: t("flows.otherFlow") },
        ]}
        allowDeselect={false}
        value={target ?? null}
        onChange={(kind) => set(sentTo(kind as ReturnType<typeof transferTargetOf>))}
      />
      <TransferTarget value={value} set={set} />
      {target !== "flowId" && (
        <>
          <NumberInput
            label={t(target === "queueId" ? "flows.maxWait" : "flows.ringFor")}
            min={0}
            value={durationSeconds(value.timeout) || (target === "queueId" ? 0 : 30)}
            onChange={(seconds) =>
              set({ timeout: Number(seconds) > 0 ? toDuration(Number(seconds)) : undefined })
            }
          />
          <Select
            label={t("flows.music")}
            placeholder={t(target === "number" ? "flows.ringingTone" : "flows.houseMusic")}
            clearable
            data={optionsOf(prompts, "promptId")}
            value={value.musicPromptId || null}
            onChange={(musicPromptId) => set({ musicPromptId: musicPromptId ?? "" })}
          />
        </>
      )}
      {target === "number" && (
        <>
          <Switch
            label={t("flows.peopleOnly")}
            description={t("flows.peopleOnlyHint")}
            checked={value.peopleOnly ?? false}
            onChange={(event) => set({ peopleOnly: event.currentTarget.checked })}
            data-testid="transfer-people-only"
          />
          <Target
            label={t("flows.afterTalk")}
            value={value.next}
            steps={steps}
            onChange={(next) => set({ next })}
          />
        </>
      )}
      <Target
        label={t("flows.notTaken")}
        value={value.failed}
        steps={steps}
        onChange={(failed) => set({ failed })}
      />
    </>
  );
}

function TransferTarget({ value, set }: { value: Transfer; set: (part: Partial<Transfer>) => void }) {
  const t = useText();
  const flows = useFlows().data ?? [];
  switch (transferTargetOf(value)) {
    case "number":
      return (
        <>
          <TextInput
            label={t("flows.phoneNumber")}
            dir="ltr"
            placeholder="+994501234567"
            value={value.number ?? ""}
            onChange={(event) => set({ number: event.currentTarget.value.replaceAll(" ", "") })}
          />
          <TextInput
            label={t("flows.callerNumber")}
            description={t("flows.callerNumberHint")}
            dir="ltr"
            value={value.callerNumber ?? ""}
            onChange={(event) => set({ callerNumber: event.currentTarget.value.replaceAll(" ", "") })}
          />
        </>
      );
    case "agentId":
      return <AgentSelect value={value.agentId} onChange={(agentId) => set({ agentId })} />;
    case "flowId":
      return (
        <Select
          label={t("flows.otherFlow")}
          data={optionsOf(
            flows.filter((flow) => flow.releaseId),
            "flowId",
          )}
          value={value.flowId || null}
          onChange={(flowId) => set({ flowId: flowId ?? "" })}
        />
      );
    case "queueId":
      return <QueueSelect value={value.queueId} onChange={(queueId) => set({ queueId })} />;
    default:
      return null;
  }
}

/** What is asked of who leaves a message, and whose message it is. */
export function VoicemailFields({ value, set, steps }: FieldsProps<"voicemail">) {
  const t = useText();
  return (
    <>
      <UtteranceFields
        label={t("flows.says")}
        value={value.utterance}
        onChange={(utterance) => set({ utterance })}
      />
      <Mailbox value={value} set={set} />
      <Seconds
        label={t("flows.longestMessage")}
        value={value.maxDuration}
        unset={120}
        onChange={(maxDuration) => set({ maxDuration })}
      />
      <Seconds
        label={t("flows.messageSilence")}
        value={value.silenceTimeout}
        unset={5}
        onChange={(silenceTimeout) => set({ silenceTimeout })}
      />
      <TextInput
        label={t("flows.endDigit")}
        dir="ltr"
        maxLength={1}
        placeholder="#"
        value={value.endDigit ?? ""}
        onChange={(event) => set({ endDigit: event.currentTarget.value })}
      />
      <Switch
        label={t("flows.beep")}
        checked={!value.withoutBeep}
        onChange={(event) => set({ withoutBeep: !event.currentTarget.checked })}
      />
      <Next value={value.next} steps={steps} set={set} />
    </>
  );
}

function Mailbox({ value, set }: { value: Voicemail; set: (part: Partial<Voicemail>) => void }) {
  const t = useText();
  const mailbox = mailboxOf(value);
  return (
    <>
      <Select
        label={t("flows.mailbox")}
        data={[
          { value: "queueId", label: t("desktop.queue") },
          { value: "agentId", label: t("flows.oneAgent") },
        ]}
        allowDeselect={false}
        value={mailbox ?? null}
        onChange={(kind) => set(ownedBy(kind as ReturnType<typeof mailboxOf>))}
      />
      {mailbox === "agentId" && (
        <AgentSelect value={value.agentId} onChange={(agentId) => set({ agentId })} />
      )}
      {mailbox === "queueId" && (
        <QueueSelect value={value.queueId} onChange={(queueId) => set({ queueId })} />
      )}
    </>
  );
}

interface SelectProps {
  value: string | undefined;
  onChange: (id: string) => void;
}

function AgentSelect({ value, onChange }: SelectProps) {
  const t = useText();
  const agents = useAgents().data ?? [];
  return (
    <Select
      label={t("flows.oneAgent")}
      searchable
      data={optionsOf(agents, "agentId")}
      value={value || null}
      onChange={(id) => onChange(id ?? "")}
    />
  );
}

function QueueSelect({ value, onChange }: SelectProps) {
  const t = useText();
  const queues = useQueues().data ?? [];
  return (
    <Select
      label={t("desktop.queue")}
      data={optionsOf(queues, "queueId")}
      value={value || null}
      onChange={(id) => onChange(id ?? "")}
    />
  );
}
