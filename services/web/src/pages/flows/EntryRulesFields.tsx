import { NumberInput, Select, Stack, Text, TextInput } from "@mantine/core";
import { optionsOf, useQueues } from "../../api/names.ts";
import type { Step } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { AddLine, RemoveLine } from "../../ui/RowActions.tsx";
import { ExpressionField } from "./ExpressionField.tsx";
import classes from "./flows.module.css";
import { ListCondition } from "./ListCondition.tsx";
import { SkillExpression } from "./SkillExpression.tsx";
import { SkillFields } from "./SkillFields.tsx";
import { type FieldsProps, Next, Target } from "./StepFields.tsx";

type Rule = NonNullable<NonNullable<Step["entryRules"]>["rules"]>[number];

/** Where calls wait and how urgent they are: the first row that holds. */
export function EntryRulesFields({ value, set, steps }: FieldsProps<"entryRules">) {
  const t = useText();
  const queues = useQueues().data ?? [];
  const rules = value.rules ?? [];
  const replace = (index: number, part: Partial<Rule>) =>
    set({ rules: rules.map((each, at) => (at === index ? ({ ...each, ...part } as Rule) : each)) });
  return (
    <>
      <Stack gap={8} role="group" aria-label={t("flowSteps.rules")}>
        <Text size="sm" fw={500}>
          {t("flowSteps.rules")}
        </Text>
        <Text size="xs" c="dimmed">
          {t("flowSteps.rulesHint")}
        </Text>
        {rules.map((rule, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a rule has no id, and all of it is being edited
          <div key={index} className={classes.branch}>
            <TextInput
              label={t("common.name")}
              maxLength={60}
              value={rule.name ?? ""}
              onChange={(event) => replace(index, { name: event.currentTarget.value })}
            />
            <RemoveLine size="lg" onClick={() => set({ rules: rules.filter((_, at) => at !== index) })} />
            <div className={classes.branchWide}>
              <ExpressionField
                label={t("flowSteps.condition")}
                placeholder="one_of(caller_number, '+994501234567')"
                value={rule.condition}
                onChange={(condition) => replace(index, { condition })}
              />
              <ListCondition
                condition={rule.condition}
                onChange={(condition) => replace(index, { condition })}
              />
            </div>
            <Select
              className={classes.branchWide}
              label={t("desktop.queue")}
              data={optionsOf(queues, "queueId")}
              value={rule.queueId || null}
              onChange={(queueId) => replace(index, { queueId: queueId ?? "" })}
            />
            <NumberInput
              className={classes.branchWide}
              label={t("flows.priority")}
              min={0}
              max={9}
              allowDecimal={false}
              value={rule.priority ?? 0}
              onChange={(priority) => replace(index, { priority: Number(priority) })}
            />
            <div className={classes.branchWide}>
              <SkillFields skills={rule.skills ?? {}} onChange={(skills) => replace(index, { skills })} />
            </div>
            <div className={classes.branchWide}>
              <SkillExpression
                value={rule.requirement ?? ""}
                onChange={(requirement) => replace(index, { requirement })}
                testId={`rule-${index}-requirement`}
              />
            </div>
          </div>
        ))}
        <AddLine
          label={t("flowSteps.addRule")}
          disabled={rules.length >= 50}
          onClick={() =>
            set({ rules: [...rules, { name: "", condition: "", queueId: "", priority: 0, skills: {} }] })
          }
        />
      </Stack>
      <Next value={value.next} steps={steps} set={set} />
      <Target
        label={t("flowSteps.otherwise")}
        value={value.otherwise}
        steps={steps}
        onChange={(otherwise) => set({ otherwise })}
      />
    </>
  );
}
