import { Stack } from "@mantine/core";
import { useLocked } from "../../../api/plan.ts";
import type { Problem } from "../../../api/problem.ts";
import type { Queue, RoutingRules } from "../../../api/types.ts";
import { isolated } from "../../../format/isolated.ts";
import { useText } from "../../../i18n/index.ts";
import { both, ofLevels, parsed, type Requirement, type SkillOf } from "../../../rules/requirements.ts";
import { useSpeech } from "../../../rules/useSpeech.ts";
import { SkillLevels } from "../Skills.tsx";
import { CourseLine } from "./CourseLine.tsx";
import { ExpressionField } from "./ExpressionField.tsx";
import { OverflowLine } from "./OverflowLine.tsx";
import { saidOf } from "./places.ts";
import { StepsFields } from "./StepsFields.tsx";

const EXAMPLE = 'French >= 3 and (Sales or "Card disputes" >= 2) and not Trainee';

interface Props {
  queue: Queue;
  problem: Problem | undefined;
  onChange: (part: Partial<Queue>) => void;
}

/** What a queue asks of an agent, at first and step by step. */
export function SkillsPart({ queue, problem, onChange }: Props) {
  const t = useText();
  const { skillOf } = useSpeech();
  const locked = useLocked("skills");
  const rules = queue.rules ?? {};
  const first = firstOf(queue, skillOf);
  const change = (part: Partial<RoutingRules>) => onChange({ rules: { ...rules, ...part } });
  return (
    <Stack>
      <SkillLevels
        label={t("admin.queues.requiredSkills")}
        levels={queue.requiredSkills ?? []}
        onChange={(requiredSkills) => onChange({ requiredSkills })}
      />
      {(!locked || rules.requirement) && (
        <ExpressionField
          label={t("rules.expression")}
          description={t("rules.expression.hint", { example: isolated(EXAMPLE) })}
          value={rules.requirement ?? ""}
          onChange={(requirement) => change({ requirement })}
          said={saidOf(problem, "rules.requirement")}
          testId="queue-requirement"
        />
      )}
      {first && <CourseLine first={first} rules={rules} />}
      <OverflowLine overflow={queue.overflow} />
      <StepsFields
        queueId={queue.queueId ?? ""}
        steps={rules.steps ?? []}
        first={first}
        problem={problem}
        onChange={(steps) => change({ steps })}
      />
    </Stack>
  );
}

/** What it asks for before any step; undefined while the expression can't be read. */
function firstOf({ requiredSkills, rules }: Queue, skillOf: SkillOf): Requirement | undefined {
  try {
    return both(ofLevels(requiredSkills ?? []), parsed(rules?.requirement ?? "", skillOf));
  } catch {
    return undefined;
  }
}
