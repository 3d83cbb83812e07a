import { NumberInput, Switch } from "@mantine/core";
import type { Problem } from "../../../api/problem.ts";
import type { RoutingRules } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { saidOf } from "./places.ts";
import classes from "./rules.module.css";

/** Enough that somebody is at hand, few enough that the others are left in peace. */
const USUAL = 3;
const MOST = 20;

interface Props {
  rules: RoutingRules;
  problem: Problem | undefined;
  onChange: (part: Partial<RoutingRules>) => void;
}

/** At how many agents a contact rings together. */
export function RingFields({ rules, problem, onChange }: Props) {
  const t = useText();
  const count = rules.ringAgents || 1;
  return (
    <fieldset className={classes.part}>
      <legend>{t("rules.ring.title")}</legend>
      <Switch
        label={t("rules.ring.several")}
        description={t("rules.ring.hint")}
        checked={count > 1}
        onChange={(event) => onChange({ ringAgents: event.currentTarget.checked ? USUAL : 1 })}
        data-testid="ring-several"
      />
      {count > 1 && (
        <NumberInput
          label={t("rules.ring.count")}
          description={t("rules.ring.alone")}
          min={2}
          max={MOST}
          allowDecimal={false}
          clampBehavior="blur"
          value={count}
          error={saidOf(problem, "rules.ring_agents")}
          onChange={(value) => Number(value) > 1 && onChange({ ringAgents: Number(value) })}
          data-testid="ring-agents"
        />
      )}
    </fieldset>
  );
}
