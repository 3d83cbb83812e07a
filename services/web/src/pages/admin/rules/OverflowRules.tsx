import { Group, NumberInput, Select } from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconTrash } from "@tabler/icons-react";
import { optionsOf, useQueues } from "../../../api/names.ts";
import type { Problem } from "../../../api/problem.ts";
import type { OverflowRule } from "../../../api/types.ts";
import { durationSeconds, toDuration } from "../../../format/durations.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { TextField } from "../../../ui/fields.tsx";
import { AddLine, IconAction } from "../../../ui/RowActions.tsx";
import { LengthField } from "./LengthField.tsx";
import { Said } from "./ListLevels.tsx";
import { reordered } from "./levels.ts";
import { saidOf, saidWithin } from "./places.ts";
import classes from "./rules.module.css";

const TRIGGERS = ["afterWait", "expectedWaitOver", "depth", "nobodyStaffed", "closed"] as const;
type Trigger = (typeof TRIGGERS)[number];

interface Props {
  queueId: string;
  rules: readonly OverflowRule[];
  problem: Problem | undefined;
  onChange: (rules: OverflowRule[]) => void;
}

/** Rules that send callers elsewhere, in the order they are looked at. */
export function OverflowRules({ queueId, rules, problem, onChange }: Props) {
  const t = useText();
  return (
    <fieldset className={classes.part} data-testid="overflow-rules">
      <legend>{t("overflow.rules")}</legend>
      <p className={classes.lead}>{t("overflow.lead")}</p>
      {rules.length === 0 && <p className={classes.quiet}>{t("overflow.none")}</p>}
      {rules.map((rule, at) => (
        <RuleCard
          // biome-ignore lint/suspicious/noArrayIndexKey: a rule is its number
          key={at}
          at={at}
          count={rules.length}
          rule={rule}
          queueId={queueId}
          problem={problem}
          onChange={(next) => onChange(rules.map((each, index) => (index === at ? next : each)))}
          onMove={(by) => onChange(reordered(rules, at, by))}
          onRemove={() => onChange(rules.filter((_, index) => index !== at))}
        />
      ))}
      <AddLine
        label={t("overflow.add")}
        onClick={() => onChange([...rules, { afterWait: "60s", queueId: "" }])}
        testId="overflow-add"
      />
    </fieldset>
  );
}

interface CardProps {
  at: number;
  count: number;
  rule: OverflowRule;
  queueId: string;
  problem: Problem | undefined;
  onChange: (rule: OverflowRule) => void;
  onMove: (by: 1 | -1) => void;
  onRemove: () => void;
}

function RuleCard({ at, count, rule, queueId, problem, onChange, onMove, onRemove }: CardProps) {
  const t = useText();
  const values = { number: formatNumber(at + 1, useLanguage()) };
  const place = `overflow.rules[${at}]`;
  const inside = ["queue_id", "number", "after_wait", "expected_wait_over", "depth"];
  const shown = saidWithin(problem, ...inside.map((field) => `${place}.${field}`));
  const said = shown ? undefined : saidWithin(problem, place);
  return (
    <section
      className={classes.card}
      aria-label={t("overflow.number", values)}
      data-testid={`overflow-rule-${at}`}
    >
      <Group justify="space-between" wrap="nowrap">
        <h3>{t("overflow.number", values)}</h3>
        <Group gap={0} wrap="nowrap">
          <IconAction
            label={t("overflow.earlier", values)}
            icon={IconArrowUp}
            disabled={at === 0}
            onClick={() => onMove(-1)}
            testId={`overflow-rule-${at}-up`}
          />
          <IconAction
            label={t("overflow.later", values)}
            icon={IconArrowDown}
            disabled={at + 1 === count}
            onClick={() => onMove(1)}
            testId={`overflow-rule-${at}-down`}
          />
          <IconAction
            label={t("overflow.remove", values)}
            icon={IconTrash}
            onClick={onRemove}
            testId={`overflow-rule-${at}-remove`}
          />
        </Group>
      </Group>
      <When at={at} rule={rule} problem={problem} onChange={onChange} />
      <Where at={at} rule={rule} queueId={queueId} problem={problem} onChange={onChange} />
      {said && <Said text={said} testId={`overflow-rule-${at}-said`} />}
    </section>
  );
}

type PartProps = Pick<CardProps, "at" | "rule" | "problem" | "onChange">;

function triggerOf(rule: OverflowRule): Trigger {
  return TRIGGERS.find((each) => rule[each] !== undefined) ?? "afterWait";
}

/** The rule's target with another trigger. */
function triggered({ queueId, number }: OverflowRule, trigger: Trigger, amount: number): OverflowRule {
  const target = number === undefined ? { queueId: queueId ?? "" } : { number };
  if (trigger === "depth") return { ...target, depth: amount };
  if (trigger === "afterWait" || trigger === "expectedWaitOver")
    return { ...target, [trigger]: toDuration(amount) };
  return { ...target, [trigger]: true };
}

function When({ at, rule, problem, onChange }: PartProps) {
  const t = useText();
  const trigger = triggerOf(rule);
  const place = `overflow.rules[${at}]`;
  const timed = trigger === "afterWait" || trigger === "expectedWaitOver";
  const seconds = durationSeconds(rule.afterWait ?? rule.expectedWaitOver);
  return (
    <div className={classes.fields}>
      <Select
        label={t("overflow.when")}
        allowDeselect={false}
        data={TRIGGERS.map((each) => ({ value: each, label: t(`overflow.${each}`) }))}
        value={trigger}
        onChange={(next) => {
          const chosen = (next ?? "afterWait") as Trigger;
          onChange(triggered(rule, chosen, chosen === "depth" ? 10 : seconds || 60));
        }}
        data-testid={`overflow-rule-${at}-when`}
      />
      {timed && (
        <LengthField
          label={t("overflow.length")}
          seconds={seconds}
          error={saidWithin(problem, `${place}.after_wait`, `${place}.expected_wait_over`)}
          onChange={(length) => onChange(triggered(rule, trigger, length))}
          testId={`overflow-rule-${at}-length`}
        />
      )}
      {trigger === "depth" && (
        <NumberInput
          label={t("overflow.people")}
          min={1}
          max={10_000}
          value={rule.depth ?? 1}
          error={saidOf(problem, `${place}.depth`)}
          onChange={(value) => onChange(triggered(rule, "depth", Number(value)))}
          data-testid={`overflow-rule-${at}-depth`}
        />
      )}
    </div>
  );
}

function Where({ at, rule, queueId, problem, onChange }: PartProps & { queueId: string }) {
  const t = useText();
  const queues = (useQueues().data ?? []).filter((each) => each.queueId !== queueId);
  const outside = rule.number !== undefined;
  const { queueId: _queue, number: _number, ...trigger } = rule;
  const place = `overflow.rules[${at}]`;
  return (
    <div className={classes.fields}>
      <Select
        label={t("overflow.to")}
        allowDeselect={false}
        data={[
          { value: "queue", label: t("overflow.toQueue") },
          { value: "number", label: t("overflow.toNumber") },
        ]}
        value={outside ? "number" : "queue"}
        onChange={(next) =>
          onChange({ ...trigger, ...(next === "number" ? { number: "" } : { queueId: "" }) })
        }
        data-testid={`overflow-rule-${at}-to`}
      />
      {outside ? (
        <TextField
          label={t("overflow.phone")}
          dir="ltr"
          inputMode="tel"
          placeholder="+994125550100"
          value={rule.number ?? ""}
          error={saidOf(problem, `${place}.number`)}
          onChange={(event) => onChange({ ...trigger, number: event.currentTarget.value })}
          data-testid={`overflow-rule-${at}-number`}
        />
      ) : (
        <Select
          label={t("overflow.queue")}
          placeholder={t("overflow.chooseQueue")}
          searchable
          data={optionsOf(queues, "queueId")}
          value={rule.queueId || null}
          error={saidOf(problem, `${place}.queue_id`)}
          onChange={(next) => onChange({ ...trigger, queueId: next ?? "" })}
          data-testid={`overflow-rule-${at}-queue`}
        />
      )}
    </div>
  );
}
