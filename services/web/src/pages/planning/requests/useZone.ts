/** The zone the company's days are in, as schedules say. */
import { mondayOf } from "../../mine/shifts.ts";
import { useWeeks } from "../../mine/useMine.ts";

export function useZone(): string {
  const today = new Date().toISOString().slice(0, 10);
  return useWeeks(mondayOf(today), 1).data?.timeZone || "UTC";
}
