/** The zone the company's days are in, whatever site whoever looks is of. */
import { useSeries } from "../usePlanning.ts";

export function useZone(): string {
  return useSeries().data?.zone || "UTC";
}
