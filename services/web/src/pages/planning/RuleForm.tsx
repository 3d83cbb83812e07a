import { NumberInput } from "@mantine/core";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import type { OpenInterval, StaffingRule } from "../../api/types.ts";
import { type MessageKey, useText } from "../../i18n/index.ts";
import { FormModal } from "../../ui/FormModal.tsx";
import { WeekFields } from "../../ui/WeekFields.tsx";
import classes from "./planning.module.css";

interface Props {
  rule: StaffingRule;
  onClose: () => void;
  onSaved: () => Promise<unknown>;
}

type Field = Exclude<
  keyof StaffingRule,
  "queueId" | "channel" | "version" | "defaultAhtSeconds" | "workIntervals"
>;

/** Fields as people write them: shares in percent. */
const FIELDS: readonly {
  name: Field;
  label: MessageKey;
  hint?: MessageKey;
  percent?: true;
  least: number;
  most: number;
}[] = [
  { name: "serviceLevel", label: "planning.level", percent: true, least: 1, most: 99.9 },
  { name: "thresholdSeconds", label: "planning.threshold", least: 1, most: 604_800 },
  { name: "patienceSeconds", label: "planning.patience", hint: "planning.patienceHint", least: 0, most: 1e6 },
  { name: "maxOccupancy", label: "planning.occupancy", percent: true, least: 30, most: 100 },
  { name: "shrinkage", label: "planning.shrinkage", percent: true, least: 0, most: 80 },
  { name: "concurrency", label: "planning.concurrency", least: 1, most: 20 },
  {
    name: "deadlineMinutes",
    label: "planning.deadline",
    hint: "planning.deadlineHint",
    least: 0,
    most: 10_080,
  },
  { name: "minimumAgents", label: "planning.minimum", least: 0, most: 1000 },
];

/** What is promised of a queue, and how its agents work. */
export function RuleForm({ rule, onClose, onSaved }: Props) {
  const t = useText();
  const [values, setValues] = useState<Partial<Record<Field, number | string>>>(() =>
    Object.fromEntries(
      FIELDS.map(({ name, percent }) => [
        name,
        Math.round(Number(rule[name] ?? 0) * (percent ? 1000 : 10)) / 10,
      ]),
    ),
  );
  const [workIntervals, setWorkIntervals] = useState<OpenInterval[]>(rule.workIntervals ?? []);
  const save = async () => {
    const said = Object.fromEntries(
      FIELDS.map(({ name, percent }) => [name, Number(values[name] ?? 0) / (percent ? 100 : 1)]),
    );
    const params = { path: { "staffingRule.queueId": rule.queueId ?? "" } };
    const body = { staffingRule: { ...rule, ...said, workIntervals } };
    await ask(api.PATCH("/v1/wfm/staffingRules/{staffingRule.queueId}", { params, body }));
    await onSaved();
  };
  return (
    <FormModal title={t("planning.ruleEdit")} onClose={onClose} onSave={save} testId="rule">
      <div className={classes.pair}>
        {FIELDS.map(({ name, label, hint, least, most }) => (
          <NumberInput
            key={name}
            label={t(label)}
            description={hint && t(hint)}
            min={least}
            max={most}
            value={values[name] ?? ""}
            onChange={(next) => setValues((before) => ({ ...before, [name]: next }))}
            data-testid={`rule-${name}`}
          />
        ))}
      </div>
      {Number(values.deadlineMinutes) > 0 && (
        <fieldset className={classes.hours} data-testid="rule-hours">
          <legend>{t("planning.workHours")}</legend>
          <p className={classes.lead}>{t("planning.workHoursHint")}</p>
          <WeekFields
            intervals={workIntervals}
            onChange={setWorkIntervals}
            closed={t(workIntervals.length > 0 ? "admin.hours.closed" : "planning.workHoursAny")}
          />
        </fieldset>
      )}
    </FormModal>
  );
}
