import { NativeSelect, Text } from "@mantine/core";
import { optionsOf } from "../../../api/names.ts";
import type { Queue, RelaxationStep, Skill } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { AddLine, RemoveLine } from "../../../ui/RowActions.tsx";
import { useSkills } from "../../admin/Skills.tsx";
import { NumberField } from "./Numbers.tsx";
import { without } from "./plan.ts";
import { useSaid } from "./saying.ts";
import classes from "./simulator.module.css";
import { nextStep, type SimpleStep, type StepKind, simpleOf, stepOf } from "./steps.ts";

interface Props {
  steps: readonly RelaxationStep[];
  /** The other queues. */
  queues: readonly Queue[];
  place: string;
  testId: string;
  onChange: (steps: RelaxationStep[]) => void;
}

/** The steps by which a contact that waits asks for less. Those that say more than these fields stay as they are. */
export function StepFields({ steps, queues, place, testId, onChange }: Props) {
  const t = useText();
  const skills = useSkills().data ?? [];
  const first = skills[0]?.skillId ?? "";
  const other = queues[0]?.queueId ?? "";
  const replace = (index: number, step: RelaxationStep) =>
    onChange(steps.map((old, at) => (at === index ? step : old)));
  return (
    <div role="group" aria-label={t("simulator.steps")}>
      <Text size="sm" fw={500}>
        {t("simulator.steps")}
      </Text>
      {steps.map((step, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a step has no id, and its fields are being typed
        <div key={index} className={classes.line}>
          <OneStep
            step={step}
            skills={skills}
            queues={queues}
            place={`${place}[${index}]`}
            testId={`${testId}-step-${index}`}
            onChange={(next) => replace(index, next)}
          />
          <RemoveLine onClick={() => onChange(without(steps, index))} />
        </div>
      ))}
      <AddLine
        label={first || other ? t("simulator.steps.add") : t("simulator.steps.nothing")}
        disabled={!first && !other}
        onClick={() => onChange([...steps, nextStep(steps, first ? "lower" : "alsoQueue", first || other)])}
      />
    </div>
  );
}

interface StepProps {
  step: RelaxationStep;
  skills: readonly Skill[];
  queues: readonly Queue[];
  place: string;
  testId: string;
  onChange: (step: RelaxationStep) => void;
}

function OneStep({ step, skills, queues, place, testId, onChange }: StepProps) {
  const t = useText();
  const said = useSaid();
  const simple = simpleOf(step);
  if (!simple) return <p className={classes.kept}>{t("simulator.steps.kept")}</p>;
  const change = (part: Partial<SimpleStep>) => onChange(stepOf({ ...simple, ...part }));
  const ofQueue = simple.kind === "alsoQueue";
  const options = ofQueue ? optionsOf(queues, "queueId") : optionsOf(skills, "skillId");
  const kinds: StepKind[] = [
    ...(skills.length > 0 ? (["lower", "remove"] as const) : []),
    ...(queues.length > 0 ? (["alsoQueue"] as const) : []),
  ];
  const pickKind = (kind: StepKind) => {
    const moved = (kind === "alsoQueue") !== ofQueue;
    const id = kind === "alsoQueue" ? queues[0]?.queueId : skills[0]?.skillId;
    change(moved ? { kind, id: id ?? "" } : { kind });
  };
  return (
    <>
      <NumberField
        label={t("simulator.steps.after")}
        min={1}
        value={simple.seconds}
        error={said(`${place}.afterWait`)}
        onChange={(value) => change({ seconds: Number(value) })}
        data-testid={`${testId}-seconds`}
      />
      <NativeSelect
        label={t("simulator.steps.what")}
        data={kinds.map((kind) => ({ value: kind, label: t(`simulator.step.${kind}`) }))}
        value={simple.kind}
        onChange={(event) => pickKind(event.currentTarget.value as StepKind)}
        data-testid={`${testId}-kind`}
      />
      <NativeSelect
        label={ofQueue ? t("desktop.queue") : t("simulator.steps.skill")}
        data={options}
        value={simple.id}
        error={said(`${place}.changes`)}
        onChange={(event) => change({ id: event.currentTarget.value })}
        data-testid={`${testId}-id`}
      />
      {simple.kind === "lower" && (
        <NumberField
          label={t("simulator.steps.level")}
          min={1}
          max={5}
          value={simple.proficiency}
          onChange={(value) => change({ proficiency: Number(value) })}
        />
      )}
    </>
  );
}
