import { Group, Select, Stack } from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconTrash } from "@tabler/icons-react";
import type { Problem } from "../../../api/problem.ts";
import type { RelaxationStep, RequirementChange } from "../../../api/types.ts";
import { durationSeconds, toDuration } from "../../../format/durations.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { askedAfter, isTimed } from "../../../rules/course.ts";
import type { Requirement } from "../../../rules/requirements.ts";
import { useSpeech } from "../../../rules/useSpeech.ts";
import { askedWords } from "../../../rules/words.ts";
import { AddLine, IconAction } from "../../../ui/RowActions.tsx";
import { ChangeFields, newChange } from "./ChangeFields.tsx";
import { LengthField } from "./LengthField.tsx";
import { Said } from "./ListLevels.tsx";
import { reordered } from "./levels.ts";
import { saidOf, saidWithin } from "./places.ts";
import classes from "./rules.module.css";

interface Props {
  queueId: string;
  steps: readonly RelaxationStep[];
  /** What the queue asks for before any step; undefined while an expression can't be read. */
  first: Requirement | undefined;
  problem: Problem | undefined;
  onChange: (steps: RelaxationStep[]) => void;
}

/** Steps by which somebody who waits asks for less, or for something else, in their order. */
export function StepsFields({ queueId, steps, first, problem, onChange }: Props) {
  const t = useText();
  const said = saidOf(problem, "rules.steps");
  const add = () => {
    const latest = Math.max(0, ...steps.filter(isTimed).map((step) => durationSeconds(step.afterWait)));
    const step = { afterWait: toDuration(latest + 60), changes: [newChange("lower", first)] };
    onChange([...steps, step]);
  };
  return (
    <fieldset className={classes.part} data-testid="steps">
      <legend>{t("rules.steps")}</legend>
      <p className={classes.lead}>{t("rules.steps.lead")}</p>
      {steps.map((step, at) => (
        <StepCard
          // biome-ignore lint/suspicious/noArrayIndexKey: a step is its number
          key={at}
          at={at}
          step={step}
          steps={steps}
          queueId={queueId}
          first={first}
          problem={problem}
          onChange={(next) => onChange(steps.map((each, index) => (index === at ? next : each)))}
          onMove={(by) => onChange(reordered(steps, at, by))}
          onRemove={() => onChange(steps.filter((_, index) => index !== at))}
        />
      ))}
      {said && <Said text={said} testId="rule-steps-said" />}
      <AddLine label={t("rules.steps.add")} onClick={add} testId="rule-step-add" />
    </fieldset>
  );
}

interface CardProps extends Omit<Props, "onChange"> {
  at: number;
  step: RelaxationStep;
  onChange: (step: RelaxationStep) => void;
  onMove: (by: 1 | -1) => void;
  onRemove: () => void;
}

function StepCard({ at, step, steps, queueId, first, problem, onChange, onMove, onRemove }: CardProps) {
  const t = useText();
  const values = { number: formatNumber(at + 1, useLanguage()) };
  const place = `rules.steps[${at}]`;
  const changes = step.changes ?? [];
  const withChanges = (next: RequirementChange[]) => onChange({ ...step, changes: next });
  const said = saidOf(problem, place) ?? saidOf(problem, `${place}.changes`);
  return (
    <section
      className={classes.card}
      aria-label={t("rules.steps.number", values)}
      data-testid={`rule-step-${at}`}
    >
      <Group justify="space-between" wrap="nowrap">
        <h3>{t("rules.steps.number", values)}</h3>
        <Group gap={0} wrap="nowrap">
          <IconAction
            label={t("rules.steps.earlier", values)}
            icon={IconArrowUp}
            disabled={at === 0}
            onClick={() => onMove(-1)}
            testId={`rule-step-${at}-up`}
          />
          <IconAction
            label={t("rules.steps.later", values)}
            icon={IconArrowDown}
            disabled={at + 1 === steps.length}
            onClick={() => onMove(1)}
            testId={`rule-step-${at}-down`}
          />
          <IconAction
            label={t("rules.steps.remove", values)}
            icon={IconTrash}
            onClick={onRemove}
            testId={`rule-step-${at}-remove`}
          />
        </Group>
      </Group>
      <When step={step} at={at} problem={problem} onChange={onChange} />
      <Stack gap="xs">
        {changes.map((change, index) => (
          <ChangeFields
            // biome-ignore lint/suspicious/noArrayIndexKey: a change is its number
            key={index}
            step={at}
            at={index}
            change={change}
            queueId={queueId}
            said={saidWithin(problem, `${place}.changes[${index}]`)}
            onChange={(next) => withChanges(changes.map((each, other) => (other === index ? next : each)))}
            onRemove={() => withChanges(changes.filter((_, other) => other !== index))}
          />
        ))}
        <AddLine
          label={t("rules.change.add")}
          onClick={() => withChanges([...changes, newChange("lower", first)])}
          testId={`rule-step-${at}-add`}
        />
      </Stack>
      {said && <Said text={said} testId={`rule-step-${at}-said`} />}
      <BeforeAndAfter first={first} before={steps.slice(0, at)} step={step} at={at} />
    </section>
  );
}

function When({ step, at, problem, onChange }: Pick<CardProps, "step" | "at" | "problem" | "onChange">) {
  const t = useText();
  const timed = isTimed(step);
  const seconds = durationSeconds(timed ? step.afterWait : step.expectedWaitOver);
  const place = `rules.steps[${at}]`;
  const change = (waited: boolean, length: number) =>
    onChange({
      changes: step.changes ?? [],
      ...(waited ? { afterWait: toDuration(length) } : { expectedWaitOver: toDuration(length) }),
    });
  return (
    <div className={classes.fields}>
      <Select
        label={t("rules.steps.when")}
        data={[
          { value: "waited", label: t("rules.steps.waited") },
          { value: "expected", label: t("rules.steps.expected") },
        ]}
        value={timed ? "waited" : "expected"}
        onChange={(next) => change(next === "waited", seconds)}
        data-testid={`rule-step-${at}-when`}
      />
      <LengthField
        label={t("rules.steps.length")}
        units={["seconds", "minutes", "hours", "days"]}
        seconds={seconds}
        error={saidWithin(problem, `${place}.after_wait`, `${place}.expected_wait_over`)}
        onChange={(length) => change(timed, length)}
        testId={`rule-step-${at}-length`}
      />
    </div>
  );
}

function BeforeAndAfter(props: {
  first: Requirement | undefined;
  before: readonly RelaxationStep[];
  step: RelaxationStep;
  at: number;
}) {
  const speech = useSpeech();
  const { t } = speech;
  const say = (steps: readonly RelaxationStep[]) => {
    try {
      if (props.first) return askedWords(askedAfter(props.first, steps, speech.skillOf), speech);
    } catch {
      // An expression that is still being written: its field says what is wrong.
    }
    return t("rules.steps.unread");
  };
  return (
    <div className={classes.words} data-testid={`rule-step-${props.at}-words`}>
      <p>{t("rules.steps.before", { words: say(props.before) })}</p>
      <p>{t("rules.steps.after", { words: say([...props.before, props.step]) })}</p>
    </div>
  );
}
