import { Group, NumberInput, Select, Stack, Text, TextInput } from "@mantine/core";
import type { Step } from "../../api/types.ts";
import { LANGUAGE_NAMES, LANGUAGES, useText } from "../../i18n/index.ts";
import { AddLine, RemoveLine } from "../../ui/RowActions.tsx";
import { DIGITS } from "./ChoiceFields.tsx";
import { type FieldsProps, Next, Seconds, Target } from "./StepFields.tsx";
import { UtteranceFields } from "./UtteranceFields.tsx";

type LanguageChoice = NonNullable<NonNullable<Step["chooseLanguage"]>["choices"]>[number];

/** A question for the language to go on in, asked in each of them. */
export function LanguageFields({ value, set, steps }: FieldsProps<"chooseLanguage">) {
  const t = useText();
  const choices = value.choices ?? [];
  const replace = (index: number, part: Partial<LanguageChoice>) =>
    set({
      choices: choices.map((each, at) => (at === index ? ({ ...each, ...part } as LanguageChoice) : each)),
    });
  const digit = DIGITS.find((each) => !choices.some((choice) => choice.digit === each));
  const language = LANGUAGES.find((each) => !choices.some((choice) => choice.language === each));
  return (
    <>
      <UtteranceFields
        label={t("flows.question")}
        value={value.utterance}
        onChange={(utterance) => set({ utterance })}
      />
      <Stack gap={8} role="group" aria-label={t("flowSteps.languages")}>
        <Text size="sm" fw={500}>
          {t("flowSteps.languages")}
        </Text>
        {choices.map((choice, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a choice has no id, and all of it is being edited
          <Group key={index} gap={8} align="flex-end" wrap="nowrap">
            <Select
              label={t("flows.digit")}
              w={80}
              data={[...DIGITS]}
              value={choice.digit || null}
              onChange={(next) => replace(index, { digit: next ?? "" })}
            />
            <Select
              label={t("flows.language")}
              style={{ flex: 1 }}
              data={LANGUAGES.map((each) => ({ value: each, label: LANGUAGE_NAMES[each] }))}
              value={choice.language || null}
              onChange={(next) => replace(index, { language: next ?? "" })}
            />
            <RemoveLine size="lg" onClick={() => set({ choices: choices.filter((_, at) => at !== index) })} />
          </Group>
        ))}
        <AddLine
          label={t("flowSteps.addLanguage")}
          disabled={!digit || !language}
          onClick={() => set({ choices: [...choices, { digit: digit ?? "", language: language ?? "" }] })}
        />
      </Stack>
      <Limits value={value} set={set} />
      <Next value={value.next} steps={steps} set={set} />
      <Target
        label={t("flowSteps.notAnswered")}
        value={value.noMatch}
        steps={steps}
        onChange={(noMatch) => set({ noMatch })}
      />
    </>
  );
}

/** A question for an opinion, answered by keys. */
export function SurveyFields({ value, set, steps }: FieldsProps<"survey">) {
  const t = useText();
  return (
    <>
      <UtteranceFields
        label={t("flows.question")}
        value={value.utterance}
        onChange={(utterance) => set({ utterance })}
      />
      <TextInput
        label={t("flowSteps.questionId")}
        description={t("flowSteps.questionIdHint")}
        dir="ltr"
        maxLength={40}
        value={value.questionId ?? ""}
        onChange={(event) => set({ questionId: event.currentTarget.value })}
      />
      <Group gap={8} grow>
        <NumberInput
          label={t("flowSteps.lowest")}
          min={0}
          max={9998}
          allowDecimal={false}
          value={value.lowest ?? 0}
          onChange={(lowest) => set({ lowest: Number(lowest) })}
        />
        <NumberInput
          label={t("flowSteps.highest")}
          min={1}
          max={9999}
          allowDecimal={false}
          value={value.highest ?? 5}
          onChange={(highest) => set({ highest: Number(highest) })}
        />
      </Group>
      <Limits value={value} set={set} />
      <UtteranceFields
        label={t("flowSteps.invalidAnswer")}
        value={value.invalid}
        onChange={(invalid) => set({ invalid })}
      />
      <Next value={value.next} steps={steps} set={set} />
      <Target
        label={t("flowSteps.notAnswered")}
        value={value.noMatch}
        steps={steps}
        onChange={(noMatch) => set({ noMatch })}
      />
    </>
  );
}

interface LimitsProps {
  value: { timeout?: string; attempts?: number };
  set: (part: { timeout?: string; attempts?: number }) => void;
}

function Limits({ value, set }: LimitsProps) {
  const t = useText();
  return (
    <>
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
    </>
  );
}
