import { Group, NumberInput, Select } from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import { optionsOf, useQueues } from "../../../api/names.ts";
import { useSkills } from "../../../api/staff.ts";
import type { RequirementChange } from "../../../api/types.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { type Requirement, skillsNamed } from "../../../rules/requirements.ts";
import { CHANGE_KINDS, type ChangeKind, kindOfChange } from "../../../rules/words.ts";
import { IconAction } from "../../../ui/RowActions.tsx";
import { ExpressionField } from "./ExpressionField.tsx";
import { Said } from "./ListLevels.tsx";
import classes from "./rules.module.css";

const EXPRESSIONS = ["also", "require", "replace"] as const;
type Expression = (typeof EXPRESSIONS)[number];

/** A change of a kind, about a skill that is asked for where there is one. */
export function newChange(kind: ChangeKind, asked?: Requirement): RequirementChange {
  const skillId = asked ? ([...skillsNamed(asked)][0] ?? "") : "";
  if (kind === "lower") return { lower: { skillId, proficiency: 1 } };
  if (kind === "swap") return { swap: { skillId, otherSkillId: "", proficiency: 1 } };
  return { [kind]: kind === "removeSkillId" ? skillId : "" };
}

interface Props {
  step: number;
  at: number;
  change: RequirementChange;
  queueId: string;
  /** What the server has against it. */
  said: string | undefined;
  onChange: (change: RequirementChange) => void;
  onRemove: () => void;
}

/** One change of a step: what kind, and what of. */
export function ChangeFields(props: Props) {
  const { change, said, onChange } = props;
  const t = useText();
  const language = useLanguage();
  const number = (value: number) => formatNumber(value, language);
  const kind = kindOfChange(change) ?? "removeSkillId";
  const testId = `change-${props.step}-${props.at}`;
  const expression = EXPRESSIONS.find((each) => each === kind);
  const values = { number: number(props.at + 1), step: number(props.step + 1) };
  return (
    <div className={classes.change} data-testid={testId}>
      <Group align="flex-end" gap={8} wrap="nowrap">
        <Select
          style={{ flex: 1 }}
          label={t("rules.change", values)}
          data={CHANGE_KINDS.map((each) => ({ value: each, label: t(`changeKind.${each}`) }))}
          value={kind}
          onChange={(next) => next && next !== kind && onChange(turned(change, next as ChangeKind))}
          data-testid={`${testId}-kind`}
        />
        <IconAction
          label={t("rules.change.remove", values)}
          icon={IconTrash}
          onClick={props.onRemove}
          testId={`${testId}-remove`}
          size="lg"
        />
      </Group>
      {expression ? (
        <ExpressionField
          label={t("rules.change.expression")}
          value={change[expression] ?? ""}
          onChange={(value) => onChange({ [expression]: value } as Pick<RequirementChange, Expression>)}
          said={said}
          testId={`${testId}-expression`}
        />
      ) : (
        <What {...props} />
      )}
      {said && !expression && <Said text={said} testId={`${testId}-said`} />}
    </div>
  );
}

/** The same change in another kind, about the same skill. */
function turned(change: RequirementChange, kind: ChangeKind): RequirementChange {
  const skillId = change.removeSkillId ?? change.lower?.skillId ?? change.swap?.skillId ?? "";
  return newChange(kind, skillId ? [[{ skill: skillId, least: 1, most: 5 }]] : undefined);
}

/** The skills, level or queue it is about. */
function What({ change, queueId, onChange, step, at }: Props) {
  const t = useText();
  const skills = optionsOf(useSkills().data ?? [], "skillId");
  const queues = optionsOf(useQueues().data ?? [], "queueId").filter(({ value }) => value !== queueId);
  const { lower, swap } = change;
  const testId = `change-${step}-${at}`;
  const select = (label: string, value: string | undefined, next: (id: string) => void, id = "skill") => (
    <Select
      label={label}
      data={id === "queue" ? queues : skills}
      value={value || null}
      onChange={(chosen) => chosen && next(chosen)}
      data-testid={`${testId}-${id}`}
    />
  );
  const level = (value: number | undefined, next: (proficiency: number) => void) => (
    <NumberInput
      label={t("admin.skills.proficiency")}
      min={1}
      max={5}
      value={value ?? 1}
      onChange={(chosen) => next(Number(chosen))}
      data-testid={`${testId}-level`}
    />
  );
  if (change.alsoQueueId !== undefined)
    return select(
      t("desktop.queue"),
      change.alsoQueueId,
      (alsoQueueId) => onChange({ alsoQueueId }),
      "queue",
    );
  if (lower)
    return (
      <div className={classes.fields}>
        {select(t("rules.change.skill"), lower.skillId, (skillId) =>
          onChange({ lower: { ...lower, skillId } }),
        )}
        {level(lower.proficiency, (proficiency) => onChange({ lower: { ...lower, proficiency } }))}
      </div>
    );
  if (swap)
    return (
      <div className={classes.fields}>
        {select(t("rules.change.skill"), swap.skillId, (skillId) => onChange({ swap: { ...swap, skillId } }))}
        {select(
          t("rules.change.other"),
          swap.otherSkillId,
          (otherSkillId) => onChange({ swap: { ...swap, otherSkillId } }),
          "other",
        )}
        {level(swap.proficiency, (proficiency) => onChange({ swap: { ...swap, proficiency } }))}
      </div>
    );
  return select(t("rules.change.skill"), change.removeSkillId, (removeSkillId) =>
    onChange({ removeSkillId }),
  );
}
