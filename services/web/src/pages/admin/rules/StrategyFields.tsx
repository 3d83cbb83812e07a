import { NumberInput, SimpleGrid, Stack } from "@mantine/core";
import { useId } from "react";
import type { Problem } from "../../../api/problem.ts";
import type { RoutingRules, Strategy, Weights } from "../../../api/types.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { ListLevels, Said } from "./ListLevels.tsx";
import { saidOf, saidWithin } from "./places.ts";
import { RingFields } from "./RingFields.tsx";
import classes from "./rules.module.css";
import { STRATEGIES, shortStrategy } from "./strategies.ts";

interface Props {
  rules: RoutingRules;
  problem: Problem | undefined;
  onChange: (part: Partial<RoutingRules>) => void;
}

/** Who of those who fit is offered a contact first, and what that goes by. */
export function StrategyFields({ rules, problem, onChange }: Props) {
  const t = useText();
  const name = useId();
  const chosen = shortStrategy(rules.strategy);
  const said = saidOf(problem, "rules.strategy");
  const saidOfList = saidOf(problem, "rules.levels");
  const choose = (short: string) => {
    const levels = short === "LIST" && !rules.levels?.length ? [{ agentIds: [], wait: "30s" }] : rules.levels;
    onChange({ strategy: `STRATEGY_${short}` as Strategy, ...(levels && { levels }) });
  };
  return (
    <Stack>
      <fieldset className={classes.part}>
        <legend>{t("rules.strategy.who")}</legend>
        {STRATEGIES.map((each) => (
          <label key={each} className={classes.choice}>
            <input
              type="radio"
              name={name}
              checked={each === chosen}
              onChange={() => choose(each)}
              data-testid={`strategy-${each}`}
            />
            <span>
              {t(`strategy.${each}`)}
              <span className={classes.quiet}>{t(`strategyHint.${each}`)}</span>
            </span>
          </label>
        ))}
        {said && <Said text={said} />}
        {saidOfList && <Said text={saidOfList} />}
      </fieldset>
      {chosen === "WEIGHTED" && <WeightFields rules={rules} problem={problem} onChange={onChange} />}
      {chosen === "LIST" && (
        <ListLevels
          levels={rules.levels ?? []}
          onChange={(levels) => onChange({ levels })}
          problem={problem}
        />
      )}
      <RingFields rules={rules} problem={problem} onChange={onChange} />
    </Stack>
  );
}

const USUAL: Required<Weights> = { proficiency: 1, idleMinute: 0.1, preferred: 5, cost: 0 };
const WEIGHTS = ["proficiency", "idleMinute", "preferred", "cost"] as const;
const SNAKES = {
  proficiency: "proficiency",
  idleMinute: "idle_minute",
  preferred: "preferred",
  cost: "cost",
};
/** An agent to try the weights on: level, minutes idle, cost. */
const EXAMPLE = { level: 5, minutes: 2, cost: 10 };

function WeightFields({ rules, problem, onChange }: Props) {
  const t = useText();
  const language = useLanguage();
  // Once they are there, one that is left out is 0.
  const weights = rules.weights
    ? { proficiency: 0, idleMinute: 0, preferred: 0, cost: 0, ...rules.weights }
    : USUAL;
  const points = weights.proficiency * EXAMPLE.level + weights.idleMinute * EXAMPLE.minutes;
  const number = (value: number) => formatNumber(value, language);
  return (
    <fieldset className={classes.part}>
      <legend>{t("rules.weights")}</legend>
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        {WEIGHTS.map((field) => (
          <NumberInput
            key={field}
            label={t(`weight.${field}`)}
            min={0}
            max={100}
            step={0.1}
            decimalScale={3}
            value={weights[field]}
            error={saidWithin(problem, `rules.weights.${SNAKES[field]}`)}
            onChange={(value) => onChange({ weights: { ...weights, [field]: Number(value) } })}
            data-testid={`weight-${field}`}
          />
        ))}
      </SimpleGrid>
      <p className={classes.words} data-testid="weights-example">
        {t("rules.weights.example", {
          level: number(EXAMPLE.level),
          minutes: number(EXAMPLE.minutes),
          points: number(points),
          preferred: number(points + weights.preferred),
          cost: number(EXAMPLE.cost),
          less: number(points - weights.cost * EXAMPLE.cost),
        })}
      </p>
    </fieldset>
  );
}
