import { NumberInput, Select, Stack, Text, TextInput } from "@mantine/core";
import { optionsOf, useQueues } from "../../api/names.ts";
import type { Step } from "../../api/types.ts";
import { formatNumber } from "../../format/numbers.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { AddLine, RemoveLine } from "../../ui/RowActions.tsx";
import { ExpressionField } from "./ExpressionField.tsx";
import classes from "./flows.module.css";
import { ListCondition } from "./ListCondition.tsx";
import { type FieldsProps, Target } from "./StepFields.tsx";

type Branch = NonNullable<NonNullable<Step["test"]>["branches"]>[number];
type Share = NonNullable<NonNullable<Step["split"]>["shares"]>[number];

/** Goes by what attributes say: the first condition that holds. */
export function TestFields({ value, set, steps }: FieldsProps<"test">) {
  const t = useText();
  return (
    <>
      <Branches branches={value.branches ?? []} steps={steps} onChange={(branches) => set({ branches })} />
      <Target
        label={t("flowSteps.otherwise")}
        value={value.otherwise}
        steps={steps}
        onChange={(otherwise) => set({ otherwise })}
      />
    </>
  );
}

/** Goes by how a queue stands. */
export function CheckQueueFields({ value, set, steps }: FieldsProps<"checkQueue">) {
  const t = useText();
  const queues = useQueues().data ?? [];
  return (
    <>
      <Select
        label={t("desktop.queue")}
        data={optionsOf(queues, "queueId")}
        value={value.queueId || null}
        onChange={(queueId) => set({ queueId: queueId ?? "" })}
      />
      <Branches
        branches={value.branches ?? []}
        steps={steps}
        onChange={(branches) => set({ branches })}
        placeholder="queue.expected_wait > 120"
        hint={t("flowSteps.queueNames")}
      />
      <Target
        label={t("flowSteps.otherwise")}
        value={value.otherwise}
        steps={steps}
        onChange={(otherwise) => set({ otherwise })}
      />
      <Target
        label={t("flowSteps.notTold")}
        value={value.failed}
        steps={steps}
        onChange={(failed) => set({ failed })}
      />
    </>
  );
}

interface BranchesProps {
  branches: readonly Branch[];
  steps: readonly Step[];
  onChange: (branches: Branch[]) => void;
  placeholder?: string;
  hint?: string;
}

function Branches({ branches, steps, onChange, placeholder, hint }: BranchesProps) {
  const t = useText();
  const replace = (index: number, part: Partial<Branch>) =>
    onChange(branches.map((each, at) => (at === index ? ({ ...each, ...part } as Branch) : each)));
  return (
    <Stack gap={8} role="group" aria-label={t("flowSteps.conditions")}>
      <Text size="sm" fw={500}>
        {t("flowSteps.conditions")}
      </Text>
      <Text size="xs" c="dimmed">
        {t("flowSteps.firstHolds")}
      </Text>
      {branches.map((branch, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a condition has no id, and all of it is being edited
        <div key={index} className={classes.branch}>
          <TextInput
            label={t("common.name")}
            maxLength={60}
            value={branch.name ?? ""}
            onChange={(event) => replace(index, { name: event.currentTarget.value })}
          />
          <RemoveLine size="lg" onClick={() => onChange(branches.filter((_, at) => at !== index))} />
          <div className={classes.branchWide}>
            <ExpressionField
              label={t("flowSteps.condition")}
              value={branch.condition}
              onChange={(condition) => replace(index, { condition })}
              {...(placeholder ? { placeholder } : {})}
              {...(hint ? { description: hint } : {})}
            />
            <ListCondition
              condition={branch.condition}
              onChange={(condition) => replace(index, { condition })}
            />
          </div>
          <div className={classes.branchWide}>
            <Target
              label={t("flows.next")}
              value={branch.next}
              steps={steps}
              onChange={(next) => replace(index, { next })}
            />
          </div>
        </div>
      ))}
      <AddLine
        label={t("flowSteps.addCondition")}
        disabled={branches.length >= 50}
        onClick={() => onChange([...branches, { name: "", condition: "", next: "" }])}
      />
    </Stack>
  );
}

/** Parts the calls by per cents. */
export function SplitFields({ value, set, steps }: FieldsProps<"split">) {
  const t = useText();
  const language = useLanguage();
  const shares = value.shares ?? [];
  const total = shares.reduce((sum, share) => sum + (share.percent ?? 0), 0);
  const replace = (index: number, part: Partial<Share>) =>
    set({ shares: shares.map((each, at) => (at === index ? ({ ...each, ...part } as Share) : each)) });
  return (
    <Stack gap={8} role="group" aria-label={t("flowSteps.shares")}>
      <Text size="sm" fw={500}>
        {t("flowSteps.shares")}
      </Text>
      {shares.map((share, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a share has no id, and its name is being edited
        <div key={index} className={classes.branch}>
          <TextInput
            label={t("common.name")}
            maxLength={60}
            value={share.name ?? ""}
            onChange={(event) => replace(index, { name: event.currentTarget.value })}
          />
          <RemoveLine size="lg" onClick={() => set({ shares: shares.filter((_, at) => at !== index) })} />
          <NumberInput
            className={classes.branchWide}
            label={t("flowSteps.percent")}
            min={1}
            max={100}
            allowDecimal={false}
            value={share.percent ?? 0}
            onChange={(percent) => replace(index, { percent: Number(percent) })}
            data-testid={`split-percent-${index}`}
          />
          <div className={classes.branchWide}>
            <Target
              label={t("flows.next")}
              value={share.next}
              steps={steps}
              onChange={(next) => replace(index, { next })}
            />
          </div>
        </div>
      ))}
      <Text size="xs" c={total === 100 ? "dimmed" : "red"} role="status" data-testid="split-total">
        {t("flowSteps.sum", { percent: formatNumber(total, language) })}
      </Text>
      <AddLine
        label={t("flowSteps.addShare")}
        disabled={shares.length >= 20}
        onClick={() =>
          set({ shares: [...shares, { name: "", percent: Math.max(100 - total, 1), next: "" }] })
        }
      />
    </Stack>
  );
}
