/** What the server finds wrong with a draft, in the reader's words, by the field's path. */
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../../../api/client.ts";
import type { Plan } from "../../../api/types.ts";
import { textOr } from "../../../i18n/index.ts";

/** The fault of a field such as "plan.rates[0].price", undefined when there is none. */
export type FaultOf = (path: string) => string | undefined;

const PAUSE_MS = 350;

/** Has the server check a draft while it is being written. */
export function usePlanFaults(plan: Plan): { faultOf: FaultOf; count: number } {
  const text = JSON.stringify(plan);
  const [settled] = useDebouncedValue(text, PAUSE_MS);
  const { data } = useQuery({
    queryKey: ["planFaults", settled],
    queryFn: () => ask(api.POST("/v1/operator/plans:check", { body: { plan: JSON.parse(settled) as Plan } })),
    placeholderData: (before) => before,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
  const faults = data?.faults ?? [];
  const faultOf = (path: string) => {
    const found = faults.find((each) => each.field === path);
    return found && textOr("plans.fault", found.fault ?? "");
  };
  return { faultOf, count: faults.length };
}
