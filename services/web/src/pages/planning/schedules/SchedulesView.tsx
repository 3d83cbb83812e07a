import { SegmentedControl, Select } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { useState } from "react";
import { useText } from "../../../i18n/index.ts";
import { Contracts } from "./setup/Contracts.tsx";
import { LabourRulesList } from "./setup/LabourRulesList.tsx";
import { Patterns } from "./setup/Patterns.tsx";
import { PlannedAgents } from "./setup/PlannedAgents.tsx";
import { Sites } from "./setup/Sites.tsx";
import { TimeOffList } from "./setup/TimeOffList.tsx";
import { Versions } from "./Versions.tsx";

const PARTS = ["versions", "agents", "contracts", "sites", "patterns", "rules", "timeOff"] as const;
type Part = (typeof PARTS)[number];

/** Schedules, and what they are made by. */
export default function SchedulesView({ mayChange }: { mayChange: boolean }) {
  const t = useText();
  const [part, setPart] = useState<Part>("versions");
  const narrow = useMediaQuery("(max-width: 760px)");
  const data = PARTS.map((each) => ({ value: each, label: t(`schedules.part.${each}`) }));
  const choose = (next: string | null) => next && setPart(next as Part);
  return (
    <>
      {narrow ? (
        <Select
          label={t("schedules.part")}
          allowDeselect={false}
          data={data}
          value={part}
          onChange={choose}
          mb="md"
          data-testid="schedules-part"
        />
      ) : (
        <SegmentedControl
          aria-label={t("schedules.part")}
          data={data}
          value={part}
          onChange={choose}
          mb="md"
          data-testid="schedules-part"
        />
      )}
      {part === "versions" && <Versions mayChange={mayChange} />}
      {part === "agents" && <PlannedAgents mayChange={mayChange} />}
      {part === "contracts" && <Contracts mayChange={mayChange} />}
      {part === "sites" && <Sites mayChange={mayChange} />}
      {part === "patterns" && <Patterns mayChange={mayChange} />}
      {part === "rules" && <LabourRulesList mayChange={mayChange} />}
      {part === "timeOff" && <TimeOffList mayChange={mayChange} />}
    </>
  );
}
