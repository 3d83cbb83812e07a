import { Stack, Switch } from "@mantine/core";
import type { Problem } from "../../api/problem.ts";
import type { OpenInterval } from "../../api/types.ts";
import { EIGHT_TO_SIX, weekText } from "../../format/weeks.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { WeekFields } from "../../ui/WeekFields.tsx";
import { complaintAt } from "../admin/trunkText.ts";

interface Props {
  hours: readonly OpenInterval[];
  step: number;
  problem: Problem | undefined;
  onChange: (hours: OpenInterval[]) => void;
}

/** When the telephones of one step ring: at any time, or in the hours of a week. */
export function FindMeHours({ hours, step, problem, onChange }: Props) {
  const t = useText();
  const language = useLanguage();
  const limited = hours.length > 0;
  const wrong = complaintAt(problem, `findMe.steps[${step}].hours`);
  return (
    <Stack gap="sm">
      <Switch
        label={t("findMe.limited")}
        description={limited ? t("findMe.hours", { hours: weekText(hours, language) }) : t("findMe.anyTime")}
        error={wrong}
        checked={limited}
        onChange={(event) => onChange(event.currentTarget.checked ? EIGHT_TO_SIX : [])}
        data-testid={`find-me-limited-${step}`}
      />
      {limited && (
        <WeekFields intervals={hours} closed={t("findMe.silent")} onChange={onChange} usual={[480, 1080]} />
      )}
    </Stack>
  );
}
