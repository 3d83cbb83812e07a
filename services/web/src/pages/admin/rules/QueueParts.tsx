import { Tabs, VisuallyHidden } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";
import type { Problem } from "../../../api/problem.ts";
import type { Queue, RoutingRules } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { CallbackFields } from "./CallbackFields.tsx";
import { OverflowPart } from "./OverflowPart.tsx";
import { PriorityFields } from "./PriorityFields.tsx";
import { type Part, partOf } from "./places.ts";
import classes from "./rules.module.css";
import { SkillsPart } from "./SkillsPart.tsx";
import { StrategyFields } from "./StrategyFields.tsx";

export interface PartProps {
  queue: Queue;
  problem: Problem | undefined;
  onChange: (part: Partial<Queue>) => void;
}

/** What a queue chooses by: these parts alone mean something on a day that is played. */
export const CHOOSING: readonly Part[] = ["choice", "skills", "priority", "overflow"];
const ALL: readonly Part[] = ["general", ...CHOOSING, "callbacks"];

/** A list goes with its strategy alone; it is kept while another one is looked at. */
export function rulesToSave(rules: RoutingRules = {}): RoutingRules {
  return rules.strategy === "STRATEGY_LIST" ? rules : { ...rules, levels: [] };
}

interface Props extends PartProps {
  parts?: readonly Part[];
  /** The part "general", for whoever shows it. */
  general?: ReactNode;
}

/** A queue part by part; a problem turns to the part it is about. */
export function QueueParts({ queue, problem, onChange, parts = ALL, general }: Props) {
  const t = useText();
  const [part, setPart] = useState<Part>(parts[0] ?? "choice");
  const wrong = partOf(problem);
  useEffect(() => {
    const next = partOf(problem);
    if (next && parts.includes(next)) setPart(next);
  }, [problem, parts]);
  const rules = queue.rules ?? {};
  const changeRules = (some: Partial<RoutingRules>) => onChange({ rules: { ...rules, ...some } });
  const panels = {
    general,
    choice: <StrategyFields rules={rules} problem={problem} onChange={changeRules} />,
    skills: <SkillsPart queue={queue} problem={problem} onChange={onChange} />,
    overflow: <OverflowPart queue={queue} problem={problem} onChange={onChange} />,
    priority: <PriorityFields rules={rules} problem={problem} onChange={changeRules} />,
    callbacks: (
      <CallbackFields
        rules={queue.callbacks ?? {}}
        problem={problem}
        onChange={(some) => onChange({ callbacks: { ...queue.callbacks, ...some } })}
      />
    ),
  };
  return (
    <Tabs
      value={part}
      onChange={(next) => setPart((next as Part | null) ?? part)}
      keepMounted={false}
      className={classes.tabs}
    >
      <Tabs.List mb="md">
        {parts.map((each) => (
          <Tabs.Tab
            key={each}
            value={each}
            rightSection={each === wrong && <Wrong />}
            data-testid={`queue-part-${each}`}
          >
            {t(`rules.tab.${each}`)}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      <Tabs.Panel value={part}>{panels[part]}</Tabs.Panel>
    </Tabs>
  );
}

function Wrong() {
  const t = useText();
  return (
    <>
      <span className={classes.dot} aria-hidden />
      <VisuallyHidden>{t("rules.tab.wrong")}</VisuallyHidden>
    </>
  );
}
