import { NumberInput, Select, SimpleGrid } from "@mantine/core";
import type { Problem } from "../../api/problem.ts";
import type { Queue, WrapUpMode } from "../../api/types.ts";
import { durationSeconds, toDuration } from "../../format/durations.ts";
import { textOr, useText } from "../../i18n/index.ts";
import { HINT_BELOW } from "../../ui/fields.tsx";
import { saidOf } from "./rules/places.ts";

const MODES: readonly WrapUpMode[] = [
  "WRAP_UP_MODE_NONE",
  "WRAP_UP_MODE_OPTIONAL",
  "WRAP_UP_MODE_MANDATORY",
  "WRAP_UP_MODE_UNTIMED",
  "WRAP_UP_MODE_FIXED",
];
const TIMED: readonly WrapUpMode[] = [
  "WRAP_UP_MODE_OPTIONAL",
  "WRAP_UP_MODE_MANDATORY",
  "WRAP_UP_MODE_FIXED",
];
const MOST_SECONDS = 900;

interface Props {
  queue: Queue;
  problem: Problem | undefined;
  onChange: (part: Partial<Queue>) => void;
}

/** What follows the talk, and what follows a missed offer. */
export function WrapUpFields({ queue, problem, onChange }: Props) {
  const t = useText();
  const mode = queue.wrapUpMode ?? "WRAP_UP_MODE_MANDATORY";
  return (
    <>
      <Select
        label={t("wrapUp.mode")}
        data={MODES.map((value) => ({ value, label: textOr("wrapUp.mode", value) }))}
        value={mode}
        allowDeselect={false}
        onChange={(value) => onChange({ wrapUpMode: value as WrapUpMode })}
        data-testid="queue-wrapup-mode"
      />
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <NumberInput
          label={t("wrapUp.extension")}
          description={t("wrapUp.extensionHint")}
          inputWrapperOrder={HINT_BELOW}
          min={0}
          max={MOST_SECONDS}
          disabled={!TIMED.includes(mode)}
          value={durationSeconds(queue.wrapUpExtension)}
          error={saidOf(problem, "wrap_up_extension")}
          onChange={(value) => onChange({ wrapUpExtension: toDuration(Number(value)) })}
          data-testid="queue-wrapup-extension"
        />
        <NumberInput
          label={t("wrapUp.return")}
          description={t("wrapUp.returnHint")}
          inputWrapperOrder={HINT_BELOW}
          min={0}
          max={MOST_SECONDS}
          value={durationSeconds(queue.missedOfferReturn)}
          error={saidOf(problem, "missed_offer_return")}
          onChange={(value) => onChange({ missedOfferReturn: toDuration(Number(value)) })}
          data-testid="queue-missed-return"
        />
      </SimpleGrid>
    </>
  );
}
