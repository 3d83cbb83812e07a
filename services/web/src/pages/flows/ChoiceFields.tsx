import { Group, Select, Stack, TagsInput, Text, TextInput } from "@mantine/core";
import type { Choice, Step } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { AddLine, RemoveLine } from "../../ui/RowActions.tsx";
import { Target } from "./StepFields.tsx";

export const DIGITS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "0", "*", "#"];

interface Props {
  choices: readonly Choice[];
  steps: readonly Step[];
  onChange: (choices: Choice[]) => void;
}

const MOST_PHRASES = 5;

/** A menu's choices: digit, what it means, where it leads, what may be said instead. */
export function ChoiceFields({ choices, steps, onChange }: Props) {
  const t = useText();
  const replace = (index: number, part: Partial<Choice>) =>
    onChange(choices.map((each, at) => (at === index ? ({ ...each, ...part } as Choice) : each)));
  const free = DIGITS.find((digit) => !choices.some((choice) => choice.digit === digit));
  return (
    <Stack gap={8} role="group" aria-label={t("flows.choices")}>
      <Text size="sm" fw={500}>
        {t("flows.choices")}
      </Text>
      {choices.map((choice, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a choice has no id, and its digit is being edited
        <Group key={index} gap={8} align="flex-end">
          <Select
            label={t("flows.digit")}
            w={80}
            data={DIGITS}
            value={choice.digit ?? null}
            onChange={(digit) => replace(index, { digit: digit ?? "" })}
          />
          <TextInput
            label={t("flows.meaning")}
            style={{ flex: 1, minWidth: 120 }}
            value={choice.value ?? ""}
            onChange={(event) => replace(index, { value: event.currentTarget.value })}
          />
          <div style={{ flex: 1, minWidth: 140 }}>
            <Target
              label={t("flows.next")}
              value={choice.next}
              steps={steps}
              onChange={(next) => replace(index, { next })}
            />
          </div>
          <RemoveLine size="lg" onClick={() => onChange(choices.filter((_, at) => at !== index))} />
          <TagsInput
            label={t("flows.phrases")}
            description={t("flows.phrases.help")}
            w="100%"
            maxTags={MOST_PHRASES}
            value={[...(choice.phrases ?? [])]}
            onChange={(phrases) => replace(index, { phrases })}
          />
        </Group>
      ))}
      <AddLine
        label={t("flows.addChoice")}
        disabled={!free}
        onClick={() => onChange([...choices, { digit: free ?? "", value: "", next: "" }])}
      />
    </Stack>
  );
}
