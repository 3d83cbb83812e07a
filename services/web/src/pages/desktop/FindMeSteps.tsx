import { ActionIcon, Button, Checkbox, Group, NumberInput, Stack } from "@mantine/core";
import { IconArrowUp, IconPlus, IconTrash } from "@tabler/icons-react";
import type { Problem } from "../../api/problem.ts";
import type { FindMeStep } from "../../api/types.ts";
import { durationSeconds, toDuration } from "../../format/durations.ts";
import { formatNumber } from "../../format/numbers.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { TextField } from "../../ui/fields.tsx";
import { Section } from "../admin/Section.tsx";
import { complaintAt } from "../admin/trunkText.ts";
import { FindMeHours } from "./FindMeHours.tsx";

const MOST_STEPS = 5;
const MOST_NUMBERS = 3;
const RING_SECONDS = 20;

interface Props {
  steps: readonly FindMeStep[];
  problem: Problem | undefined;
  onChange: (steps: FindMeStep[]) => void;
}

/** Telephones in the order they ring; those of one step at the same time. */
export function FindMeSteps({ steps, problem, onChange }: Props) {
  const t = useText();
  const language = useLanguage();
  const change = (index: number, part: Partial<FindMeStep>) =>
    onChange(steps.map((each, at) => (at === index ? { ...each, ...part } : each)));
  const earlier = (index: number) => {
    const moved = steps[index];
    const others = steps.filter((_, at) => at !== index);
    if (moved) onChange([...others.slice(0, index - 1), moved, ...others.slice(index - 1)]);
  };
  return (
    <Stack gap="sm" role="group" aria-label={t("findMe.steps")}>
      <p style={{ margin: 0, color: "var(--m-muted)", fontSize: "0.9rem" }}>
        {steps.length === 0 && `${t("findMe.noSteps")} `}
        {t("findMe.stepHint")}
      </p>
      {steps.map((step, index) => {
        const number = formatNumber(index + 1, language);
        return (
          <Section
            // biome-ignore lint/suspicious/noArrayIndexKey: a step has nothing else to be told by
            key={index}
            title={t("findMe.step", { number })}
            action={
              <Group gap={4} wrap="nowrap">
                {index > 0 && (
                  <ActionIcon
                    variant="subtle"
                    color="gray"
                    aria-label={t("findMe.earlier", { number })}
                    onClick={() => earlier(index)}
                    data-testid={`find-me-earlier-${index}`}
                  >
                    <IconArrowUp size={17} aria-hidden />
                  </ActionIcon>
                )}
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  aria-label={t("findMe.removeStep", { number })}
                  onClick={() => onChange(steps.filter((_, at) => at !== index))}
                  data-testid={`find-me-remove-${index}`}
                >
                  <IconTrash size={17} aria-hidden />
                </ActionIcon>
              </Group>
            }
          >
            <Stack gap="sm">
              <Numbers
                numbers={step.numbers ?? []}
                step={index}
                problem={problem}
                onChange={(numbers) => change(index, { numbers })}
              />
              <Checkbox
                label={t("findMe.deskPhones")}
                checked={step.deskPhones ?? false}
                onChange={(event) => change(index, { deskPhones: event.currentTarget.checked })}
                data-testid={`find-me-desk-phones-${index}`}
              />
              <NumberInput
                label={t("findMe.ring")}
                min={5}
                max={60}
                maw={220}
                value={durationSeconds(step.ringDuration) || RING_SECONDS}
                error={complaintAt(problem, `findMe.steps[${index}].ringDuration`)}
                onChange={(value) => change(index, { ringDuration: toDuration(Number(value)) })}
                data-testid={`find-me-ring-${index}`}
              />
              <FindMeHours
                hours={step.hours ?? []}
                step={index}
                problem={problem}
                onChange={(hours) => change(index, { hours })}
              />
            </Stack>
          </Section>
        );
      })}
      {steps.length < MOST_STEPS && (
        <div>
          <Button
            variant="default"
            leftSection={<IconPlus size={16} aria-hidden />}
            onClick={() => onChange([...steps, { numbers: [""], ringDuration: toDuration(RING_SECONDS) }])}
            data-testid="find-me-add-step"
          >
            {t("findMe.addStep")}
          </Button>
        </div>
      )}
    </Stack>
  );
}

interface NumbersProps {
  numbers: readonly string[];
  step: number;
  problem: Problem | undefined;
  onChange: (numbers: string[]) => void;
}

function Numbers({ numbers, step, problem, onChange }: NumbersProps) {
  const t = useText();
  const language = useLanguage();
  return (
    <Stack gap="xs">
      {numbers.map((value, index) => {
        const number = formatNumber(index + 1, language);
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: numbers may be typed twice before they are right
          <Group key={index} gap="xs" align="flex-end" wrap="nowrap">
            <TextField
              style={{ flex: 1 }}
              label={t("findMe.number", { number })}
              type="tel"
              dir="ltr"
              maxLength={40}
              value={value}
              error={
                complaintAt(problem, `findMe.steps[${step}].numbers[${index}]`) ??
                (index === 0
                  ? problem?.fields.find((each) => each.field === `findMe.steps[${step}].numbers`)
                      ?.description
                  : undefined)
              }
              onChange={(event) =>
                onChange(numbers.map((each, at) => (at === index ? event.currentTarget.value : each)))
              }
              data-testid={`find-me-number-${step}-${index}`}
            />
            <ActionIcon
              variant="subtle"
              color="gray"
              size="lg"
              aria-label={t("findMe.removeNumber", { number })}
              onClick={() => onChange(numbers.filter((_, at) => at !== index))}
            >
              <IconTrash size={17} aria-hidden />
            </ActionIcon>
          </Group>
        );
      })}
      {numbers.length < MOST_NUMBERS && (
        <div>
          <Button
            variant="subtle"
            size="compact-sm"
            onClick={() => onChange([...numbers, ""])}
            data-testid={`find-me-add-number-${step}`}
          >
            {t("findMe.addNumber")}
          </Button>
        </div>
      )}
    </Stack>
  );
}
