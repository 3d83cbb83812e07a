/** Why a contact waits, or how it stood when it left unanswered, as routing tells it. */
import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../../../api/client.ts";
import { asProblem } from "../../../api/problem.ts";
import type { Explanation } from "../../../api/types.ts";
import { waits } from "./waiting.ts";

const FRESH_MS = 2000;
/** Why there is nothing to be told: it was answered, or left before that was kept. */
export const GONE = "CONTACT_STATE_CHANGED";

export function useExplanation(contactId: string, enabled: boolean) {
  return useQuery({
    queryKey: ["explanation", contactId],
    queryFn: (): Promise<Explanation> =>
      ask(api.GET("/v1/contacts/{contactId}:explain", { params: { path: { contactId } } })),
    // Once it no longer waits nothing changes any more.
    refetchInterval: ({ state }) => {
      const over = state.data !== undefined && !waits(state.data.contact ?? {});
      return over || (state.error && asProblem(state.error).reason === GONE) ? false : FRESH_MS;
    },
    retry: false,
    enabled,
  });
}
