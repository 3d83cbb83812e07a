import { NumberInput, Select, Switch, TextInput } from "@mantine/core";
import { useState } from "react";
import { optionsOf } from "../../api/names.ts";
import type { Step } from "../../api/types.ts";
import { durationSeconds, toDuration } from "../../format/durations.ts";
import { useText } from "../../i18n/index.ts";
import { LanguageFields, SurveyFields } from "./AskingFields.tsx";
import { CheckQueueFields, SplitFields, TestFields } from "./BranchFields.tsx";
import { CallbackOfferFields } from "./CallbackOfferFields.tsx";
import { CallFlowFields } from "./CallFlowFields.tsx";
import { ChoiceFields } from "./ChoiceFields.tsx";
import { EntryRulesFields } from "./EntryRulesFields.tsx";
import { ExpressionField } from "./ExpressionField.tsx";
import { FindCustomerFields } from "./FindCustomerFields.tsx";
import { TransferFields, VoicemailFields } from "./HandingOnFields.tsx";
import { PairFields } from "./PairFields.tsx";
import { QueueFields } from "./QueueFields.tsx";
import { type Kind, kindOf } from "./steps.ts";
import { UtteranceFields } from "./UtteranceFields.tsx";
import { useHours, usePrompts } from "./useFlow.ts";

interface Props {
  step: Step;
  steps: readonly Step[];
  onChange: (step: Step) => void;
}

export interface FieldsProps<K extends Kind> {
  value: NonNullable<Step[K]>;
  set: (part: Partial<NonNullable<Step[K]>>) => void;
  steps: readonly Step[];
}

/** The fields of one step, by its kind. */
export function StepFields({ step, steps, onChange }: Props) {
  const kind = kindOf(step);
  if (!kind) return null;
  const set = (part: object) => onChange({ ...step, [kind]: { ...step[kind], ...part } });
  if (step.say) return <SayFields value={step.say} set={set} steps={steps} />;
  if (step.play) return <PlayFields value={step.play} set={set} steps={steps} />;
  if (step.menu) return <MenuFields value={step.menu} set={set} steps={steps} />;
  if (step.collect) return <CollectFields value={step.collect} set={set} steps={steps} />;
  if (step.hours) return <HoursFields value={step.hours} set={set} steps={steps} />;
  if (step.setAttribute) return <SetFields value={step.setAttribute} set={set} steps={steps} />;
  if (step.httpRequest) return <RequestFields value={step.httpRequest} set={set} steps={steps} />;
  if (step.queue) return <QueueFields value={step.queue} set={set} steps={steps} />;
  if (step.transfer) return <TransferFields value={step.transfer} set={set} steps={steps} />;
  if (step.voicemail) return <VoicemailFields value={step.voicemail} set={set} steps={steps} />;
  if (step.test) return <TestFields value={step.test} set={set} steps={steps} />;
  if (step.split) return <SplitFields value={step.split} set={set} steps={steps} />;
  if (step.checkQueue) return <CheckQueueFields value={step.checkQueue} set={set} steps={steps} />;
  if (step.entryRules) return <EntryRulesFields value={step.entryRules} set={set} steps={steps} />;
  if (step.findCustomer) return <FindCustomerFields value={step.findCustomer} set={set} steps={steps} />;
  if (step.callFlow) return <CallFlowFields value={step.callFlow} set={set} steps={steps} />;
  if (step.chooseLanguage) return <LanguageFields value={step.chooseLanguage} set={set} steps={steps} />;
  if (step.survey) return <SurveyFields value={step.survey} set={set} steps={steps} />;
  if (step.callbackOffer) return <CallbackOfferFields value={step.callbackOffer} set={set} steps={steps} />;
  return step.hangUp ? <HangUpFields value={step.hangUp} set={set} steps={steps} /> : null;
}

interface TargetProps {
  label: string;
  value: string | undefined;
  steps: readonly Step[];
  onChange: (stepId: string) => void;
  /** What nowhere means; it ends the call unless said otherwise. */
  nowhere?: string;
  description?: string;
}

/** Where it goes on: a step, or nowhere. */
export function Target({ label, value, steps, onChange, nowhere, description }: TargetProps) {
  const t = useText();
  return (
    <Select
      label={label}
      description={description}
      placeholder={nowhere ?? t("flows.endsCall")}
      clearable
      data={steps.map((step) => ({ value: step.stepId ?? "", label: step.displayName || step.stepId || "" }))}
      value={value || null}
      onChange={(next) => onChange(next ?? "")}
    />
  );
}

export function Next(
  props: Omit<TargetProps, "label" | "onChange"> & { set: (part: { next: string }) => void },
) {
  const t = useText();
  const { set, ...rest } = props;
  return <Target label={t("flows.next")} {...rest} onChange={(next) => set({ next })} />;
}

export function Seconds(props: {
  label: string;
  value: string | undefined;
  unset: number;
  onChange: (value: string) => void;
}) {
  return (
    <NumberInput
      label={props.label}
      min={0}
      value={props.value === undefined ? props.unset : durationSeconds(props.value)}
      onChange={(value) => props.onChange(toDuration(Number(value)))}
    />
  );
}

function SayFields({ value, set, steps }: FieldsProps<"say">) {
  const t = useText();
  return (
    <>
      <UtteranceFields
        label={t("flows.says")}
        value={value.utterance}
        onChange={(utterance) => set({ utterance })}
      />
      <Next value={value.next} steps={steps} set={set} />
    </>
  );
}

function PlayFields({ value, set, steps }: FieldsProps<"play">) {
  const t = useText();
  const prompts = usePrompts().data ?? [];
  return (
    <>
      <Select
        label={t("flows.prompt")}
        placeholder={prompts.length === 0 ? t("admin.prompts.none") : undefined}
        data={optionsOf(prompts, "promptId")}
        value={value.promptId || null}
        onChange={(promptId) => set({ promptId: promptId ?? "" })}
      />
      <Next value={value.next} steps={steps} set={set} />
    </>
  );
}

function MenuFields({ value, set, steps }: FieldsProps<"menu">) {
  const t = useText();
  return (
    <>
      <UtteranceFields
        label={t("flows.question")}
        value={value.utterance}
        onChange={(utterance) => set({ utterance })}
      />
      <ChoiceFields choices={value.choices ?? []} steps={steps} onChange={(choices) => set({ choices })} />
      <Seconds
        label={t("flows.timeout")}
        value={value.timeout}
        unset={5}
        onChange={(timeout) => set({ timeout })}
      />
      <NumberInput
        label={t("flows.attempts")}
        min={1}
        max={10}
        value={value.attempts || 3}
        onChange={(attempts) => set({ attempts: Number(attempts) })}
      />
      <UtteranceFields
        label={t("flows.invalid")}
        value={value.invalid}
        onChange={(invalid) => set({ invalid })}
      />
      <Target
        label={t("flows.noMatch")}
        value={value.noMatch}
        steps={steps}
        onChange={(noMatch) => set({ noMatch })}
      />
    </>
  );
}

function CollectFields({ value, set, steps }: FieldsProps<"collect">) {
  const t = useText();
  return (
    <>
      <UtteranceFields
        label={t("flows.question")}
        value={value.utterance}
        onChange={(utterance) => set({ utterance })}
      />
      <Attribute value={value.attribute} onChange={(attribute) => set({ attribute })} />
      <NumberInput
        label={t("flows.minDigits")}
        min={1}
        max={32}
        value={value.minDigits || 1}
        onChange={(minDigits) => set({ minDigits: Number(minDigits) })}
      />
      <NumberInput
        label={t("flows.maxDigits")}
        min={1}
        max={32}
        value={value.maxDigits || 10}
        onChange={(maxDigits) => set({ maxDigits: Number(maxDigits) })}
      />
      <Switch
        label={t("flows.masked")}
        checked={value.masked ?? false}
        onChange={(event) => set({ masked: event.currentTarget.checked })}
      />
      <Next value={value.next} steps={steps} set={set} />
      <Target
        label={t("flows.noMatch")}
        value={value.noMatch}
        steps={steps}
        onChange={(noMatch) => set({ noMatch })}
      />
    </>
  );
}

function HoursFields({ value, set, steps }: FieldsProps<"hours">) {
  const t = useText();
  const hours = useHours().data ?? [];
  return (
    <>
      <Select
        label={t("nav.hours")}
        placeholder={hours.length === 0 ? t("admin.hours.none") : undefined}
        data={optionsOf(hours, "businessHoursId")}
        value={value.businessHoursId || null}
        onChange={(id) => set({ businessHoursId: id ?? "" })}
      />
      <Target
        label={t("flows.whenOpen")}
        value={value.open}
        steps={steps}
        onChange={(open) => set({ open })}
      />
      <Target
        label={t("flows.whenClosed")}
        value={value.closed}
        steps={steps}
        onChange={(closed) => set({ closed })}
      />
    </>
  );
}

function Attribute({ value, onChange }: { value: string | undefined; onChange: (value: string) => void }) {
  const t = useText();
  return (
    <TextInput
      label={t("flows.attribute")}
      dir="ltr"
      value={value ?? ""}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}

function SetFields({ value, set, steps }: FieldsProps<"setAttribute">) {
  const t = useText();
  const [workedOut, setWorkedOut] = useState(Boolean(value.expression));
  return (
    <>
      <Attribute value={value.attribute} onChange={(attribute) => set({ attribute })} />
      <Switch
        label={t("flowSteps.workedOut")}
        checked={workedOut}
        onChange={(event) => {
          setWorkedOut(event.currentTarget.checked);
          set({ expression: "", value: "" });
        }}
        data-testid="set-expression"
      />
      {!workedOut ? (
        <TextInput
          label={t("flows.value")}
          description={t("flows.placeholders")}
          value={value.value ?? ""}
          onChange={(event) => set({ value: event.currentTarget.value })}
        />
      ) : (
        <ExpressionField
          label={t("flowSteps.expression")}
          value={value.expression}
          onChange={(expression) => set({ expression })}
        />
      )}
      <Next value={value.next} steps={steps} set={set} />
    </>
  );
}

function RequestFields({ value, set, steps }: FieldsProps<"httpRequest">) {
  const t = useText();
  return (
    <>
      <Select
        label={t("flows.method")}
        data={["GET", "POST"]}
        value={value.method ?? "GET"}
        onChange={(method) => set({ method: method ?? "GET" })}
      />
      <TextInput
        label={t("flows.url")}
        description={t("flows.placeholders")}
        dir="ltr"
        value={value.url ?? ""}
        onChange={(event) => set({ url: event.currentTarget.value })}
      />
      {value.method === "POST" && (
        <TextInput
          label={t("flows.body")}
          dir="ltr"
          value={value.body ?? ""}
          onChange={(event) => set({ body: event.currentTarget.value })}
        />
      )}
      <PairFields
        label={t("flows.headers")}
        names={[t("flows.header"), t("flows.value")]}
        pairs={value.headers ?? {}}
        onChange={(headers) => set({ headers })}
      />
      <PairFields
        label={t("flows.extract")}
        names={[t("flows.attribute"), t("flows.pointer")]}
        pairs={value.extract ?? {}}
        onChange={(extract) => set({ extract })}
      />
      <Seconds
        label={t("flows.requestTimeout")}
        value={value.timeout}
        unset={4}
        onChange={(timeout) => set({ timeout })}
      />
      <NumberInput
        label={t("flows.retries")}
        min={0}
        max={3}
        value={value.retries ?? 0}
        onChange={(retries) => set({ retries: Number(retries) })}
      />
      <Switch
        label={t("flows.filler")}
        checked={value.filler === "music"}
        onChange={(event) => set({ filler: event.currentTarget.checked ? "music" : "" })}
      />
      <Next value={value.next} steps={steps} set={set} />
      <Target
        label={t("flows.failed")}
        value={value.failed}
        steps={steps}
        onChange={(failed) => set({ failed })}
      />
    </>
  );
}

function HangUpFields({ value, set }: FieldsProps<"hangUp">) {
  const t = useText();
  return (
    <UtteranceFields
      label={t("flows.goodbye")}
      value={value.utterance}
      onChange={(utterance) => set({ utterance })}
    />
  );
}
