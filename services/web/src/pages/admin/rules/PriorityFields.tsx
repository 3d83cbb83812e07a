import { NumberInput, SimpleGrid, Stack } from "@mantine/core";
import type { Problem } from "../../../api/problem.ts";
import type { RoutingRules } from "../../../api/types.ts";
import { durationSeconds, toDuration } from "../../../format/durations.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { countedWait, worthOf } from "../../../rules/turns.ts";
import { lengthWords } from "../../../rules/words.ts";
import { LengthField } from "./LengthField.tsx";
import { saidOf } from "./places.ts";
import classes from "./rules.module.css";

const PREFERRED_SECONDS = 15;
/** A caller to show it by: their priority, and for how many seconds they have waited. */
const EXAMPLE = { priority: 2, waited: 600 };

interface Props {
  rules: RoutingRules;
  problem: Problem | undefined;
  onChange: (part: Partial<RoutingRules>) => void;
}

/** What a point of priority is worth, how points grow, and for how long a preferred agent is waited for. */
export function PriorityFields({ rules, problem, onChange }: Props) {
  const t = useText();
  const worth = worthOf(rules);
  const preferred =
    rules.preferredWait === undefined ? PREFERRED_SECONDS : durationSeconds(rules.preferredWait);
  return (
    <Stack>
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <LengthField
          label={t("rules.priority.point")}
          seconds={worth.point}
          error={saidOf(problem, "rules.point_wait")}
          onChange={(seconds) => onChange({ pointWait: toDuration(seconds) })}
          testId="point-wait"
        />
        <NumberInput
          label={t("rules.priority.perMinute")}
          min={0}
          max={100}
          step={0.1}
          decimalScale={3}
          value={worth.perMinute}
          error={saidOf(problem, "rules.points_per_minute")}
          onChange={(value) => onChange({ pointsPerMinute: Number(value) })}
          data-testid="points-per-minute"
        />
        <NumberInput
          label={t("rules.priority.most")}
          min={1}
          max={100}
          decimalScale={3}
          value={worth.most}
          error={saidOf(problem, "rules.most_points")}
          onChange={(value) => onChange({ mostPoints: Number(value) })}
          data-testid="most-points"
        />
      </SimpleGrid>
      <Example rules={rules} />
      <LengthField
        label={t("rules.priority.preferred")}
        description={t("rules.priority.preferredHint")}
        seconds={preferred}
        error={saidOf(problem, "rules.preferred_wait")}
        onChange={(seconds) => onChange({ preferredWait: toDuration(seconds) })}
        testId="preferred-wait"
      />
    </Stack>
  );
}

function Example({ rules }: { rules: RoutingRules }) {
  const t = useText();
  const language = useLanguage();
  const worth = worthOf(rules);
  const number = (value: number) => formatNumber(value, language);
  const time = (seconds: number) => lengthWords(seconds, t, language);
  const { priority, waited } = EXAMPLE;
  const gained = Math.min(worth.most, (worth.perMinute * waited) / 60);
  const growth = {
    waited: time(waited),
    points: number(gained),
    time: time(countedWait(waited, 0, worth) - waited),
  };
  return (
    <div className={classes.words} data-testid="priority-words">
      <p>
        {worth.point
          ? t("rules.priority.example", {
              priority: number(priority),
              time: time(countedWait(0, priority, worth)),
            })
          : t("rules.priority.nothing")}
      </p>
      {worth.point > 0 && gained > 0 && <p>{t("rules.priority.growth", growth)}</p>}
    </div>
  );
}
