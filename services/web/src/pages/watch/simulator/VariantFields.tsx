import { Button, Select, Textarea } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import type { Queue, RoutingRules } from "../../../api/types.ts";
import { durationSeconds, toDuration } from "../../../format/durations.ts";
import { useText } from "../../../i18n/index.ts";
import { TextField } from "../../../ui/fields.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { RemoveLine } from "../../../ui/RowActions.tsx";
import { NumberField } from "./Numbers.tsx";
import {
  changed,
  MOST_VARIANTS,
  newKey,
  type Plan,
  planOf,
  type QueuePlan,
  type VariantPlan,
  without,
} from "./plan.ts";
import { changePlan } from "./running.ts";
import { useSaid } from "./saying.ts";
import classes from "./simulator.module.css";
import { VariantQueueForm } from "./VariantQueueForm.tsx";

const STRATEGIES = [
  "SKILLS",
  "LONGEST_IDLE",
  "ROUND_ROBIN",
  "FEWEST_CONTACTS",
  "LEAST_TALK_TIME",
  "WEIGHTED",
  "LIST",
] as const;
const POINT_MINUTES = 60;

/** Other rules to hold against those as they are. */
export function Variants({ plan, queues }: { plan: Plan; queues: readonly Queue[] }) {
  const t = useText();
  const said = useSaid();
  const add = () => {
    const name = t("simulator.variant.unnamed", { number: plan.variants.length + 1 });
    changePlan({ variants: [...plan.variants, { key: newKey(), name, extraAgents: 0, queues: [] }] });
  };
  return (
    <Panel label={t("simulator.variants")}>
      <h2 className={classes.title}>{t("simulator.variants")}</h2>
      <p className={classes.hint}>{t("simulator.variants.hint")}</p>
      {plan.variants.map((variant, index) => (
        <VariantFields key={variant.key} plan={plan} variant={variant} index={index} queues={queues} />
      ))}
      {plan.variants.length > MOST_VARIANTS && <p className={classes.wrong}>{said("variants")}</p>}
      <Button
        variant="default"
        leftSection={<IconPlus size={16} aria-hidden />}
        disabled={plan.variants.length >= MOST_VARIANTS}
        onClick={add}
        data-testid="simulator-variant-add"
      >
        {t("simulator.variants.add")}
      </Button>
    </Panel>
  );
}

interface VariantProps {
  plan: Plan;
  variant: VariantPlan;
  index: number;
  queues: readonly Queue[];
}

function VariantFields({ plan, variant, index, queues }: VariantProps) {
  const t = useText();
  const said = useSaid();
  const place = `variants[${index}]`;
  const change = (part: Partial<VariantPlan>) =>
    changePlan({ variants: changed(plan.variants, index, part) });
  const free = queues.filter(({ queueId }) => variant.queues.every((each) => each.queueId !== queueId));
  const take = (queueId: string | null) => {
    const queue = queues.find((each) => each.queueId === queueId);
    if (!queue) return;
    change({ queues: [...variant.queues, planOf(queue)] });
  };
  return (
    <div className={classes.item} role="group" aria-label={variant.name} data-testid={`variant-${index}`}>
      <div className={classes.line}>
        <TextField
          label={t("common.name")}
          required
          withAsterisk={false}
          maxLength={100}
          value={variant.name}
          error={said(`${place}.name`)}
          onChange={(event) => change({ name: event.currentTarget.value })}
          data-testid={`variant-${index}-name`}
        />
        <NumberField
          label={t("simulator.variant.agents")}
          description={t("simulator.variant.agentsHint")}
          min={-500}
          max={500}
          value={variant.extraAgents}
          error={said(`${place}.extraAgents`)}
          onChange={(extraAgents) => change({ extraAgents })}
          data-testid={`variant-${index}-agents`}
        />
        <RemoveLine onClick={() => changePlan({ variants: without(plan.variants, index) })} />
      </div>
      {variant.queues.map((each, number) => (
        <QueueRules
          key={each.queueId}
          planned={each}
          queue={queues.find(({ queueId }) => queueId === each.queueId)}
          place={`${place}.queues[${number}]`}
          testId={`variant-${index}-queue-${number}`}
          onChange={(part) => change({ queues: changed(variant.queues, number, part) })}
          onRemove={() => change({ queues: without(variant.queues, number) })}
        />
      ))}
      {free.length > 0 && (
        <Select
          label={t("simulator.variant.otherRules")}
          placeholder={t("simulator.variant.pickQueue")}
          className={classes.short}
          data={free.map((queue) => ({ value: queue.queueId ?? "", label: queue.displayName ?? "" }))}
          value={null}
          onChange={take}
          data-testid={`variant-${index}-queue`}
        />
      )}
    </div>
  );
}

/** A strategy with what goes with it alone, as the queue has it now. */
function withStrategy(name: string, own: RoutingRules | undefined): Partial<RoutingRules> {
  return {
    strategy: `STRATEGY_${name}` as RoutingRules["strategy"],
    levels: name === "LIST" ? (own?.levels ?? []) : [],
    weights: name === "WEIGHTED" ? own?.weights : undefined,
  } as Partial<RoutingRules>;
}

interface RulesProps {
  planned: QueuePlan;
  queue: Queue | undefined;
  place: string;
  testId: string;
  onChange: (part: Partial<QueuePlan>) => void;
  onRemove: () => void;
}

/** A queue's rules in a variant; they begin as they are. */
function QueueRules({ planned, queue, place, testId, onChange, onRemove }: RulesProps) {
  const t = useText();
  const said = useSaid();
  const [open, setOpen] = useState(false);
  const rules = planned.rules ?? {};
  const change = (part: Partial<RoutingRules>) => onChange({ rules: { ...rules, ...part } });
  const name = queue?.displayName ?? planned.queueId;
  const strategy = (rules.strategy ?? "STRATEGY_UNSPECIFIED").replace("STRATEGY_", "");
  // Its list of agents is written with the queue: a queue that has none has nothing to go by.
  const choices = STRATEGIES.filter((each) => each !== "LIST" || Boolean(queue?.rules?.levels?.length));
  const minutes = rules.pointWait === undefined ? POINT_MINUTES : durationSeconds(rules.pointWait) / 60;
  return (
    <div className={classes.rules} role="group" aria-label={t("simulator.rules.of", { queue: name })}>
      <div className={classes.head}>
        <h3>
          <bdi>{t("simulator.rules.of", { queue: name })}</bdi>
        </h3>
        <div className={classes.buttons}>
          {queue && (
            <Button variant="default" size="xs" onClick={() => setOpen(true)} data-testid={`${testId}-all`}>
              {t("simulator.rules.all")}
            </Button>
          )}
          <RemoveLine onClick={onRemove} />
        </div>
      </div>
      {open && queue && (
        <VariantQueueForm
          queue={{ ...queue, ...planned }}
          place={place}
          onChange={onChange}
          onClose={() => setOpen(false)}
        />
      )}
      {!queue && <p className={classes.wrong}>{t("simulator.rules.gone")}</p>}
      <p className={classes.wrong}>{said(`${place}.queueId`)}</p>
      <div className={classes.line}>
        <Select
          label={t("simulator.rules.strategy")}
          data={choices.map((each) => ({ value: each, label: t(`simulator.strategy.${each}`) }))}
          value={strategy === "UNSPECIFIED" ? "SKILLS" : strategy}
          error={said(`${place}.rules.strategy`) ?? said(`${place}.rules.levels`)}
          onChange={(value) => change(withStrategy(value ?? "SKILLS", queue?.rules))}
          data-testid={`${testId}-strategy`}
        />
        <NumberField
          label={t("simulator.rules.point")}
          description={t("simulator.rules.pointHint")}
          min={0}
          max={1440}
          value={minutes}
          error={said(`${place}.rules.pointWait`)}
          onChange={(value) => change({ pointWait: toDuration(Math.round(Number(value) * 60)) })}
          data-testid={`${testId}-point`}
        />
        <NumberField
          label={t("simulator.rules.ring")}
          description={t("simulator.rules.ringHint")}
          min={1}
          max={20}
          value={rules.ringAgents || 1}
          error={said(`${place}.rules.ringAgents`)}
          onChange={(value) => change({ ringAgents: Math.round(Number(value)) })}
          data-testid={`${testId}-ring`}
        />
      </div>
      <Textarea
        label={t("simulator.rules.requirement")}
        description={t("simulator.rules.requirementHint")}
        autosize
        minRows={1}
        maxLength={2000}
        dir="auto"
        value={rules.requirement ?? ""}
        error={said(`${place}.rules.requirement`)}
        onChange={(event) => change({ requirement: event.currentTarget.value })}
        data-testid={`${testId}-requirement`}
      />
    </div>
  );
}
