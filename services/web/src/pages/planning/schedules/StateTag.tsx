import type { Schedule } from "../../../api/types.ts";
import { textOr } from "../../../i18n/index.ts";
import { Tag, type Tone } from "../../../ui/Note.tsx";

const TONES: Record<string, Tone> = {
  RUNNING: "info",
  DRAFT: "warn",
  PUBLISHED: "good",
  FAILED: "bad",
};

export function StateTag({ schedule }: { schedule: Schedule }) {
  const state = (schedule.state ?? "").replace("SCHEDULE_STATE_", "");
  return <Tag tone={TONES[state] ?? "neutral"}>{textOr("scheduleState", state)}</Tag>;
}
