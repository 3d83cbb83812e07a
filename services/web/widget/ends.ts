/** What a customer is told of a call that is over or isn't taken, by its end cause. */

/** Of one that isn't taken. */
export const REFUSALS: Partial<Record<string, "refused" | "closed">> = {
  CONCURRENT_CALL_LIMIT_REACHED: "refused",
  TENANT_SUSPENDED: "closed",
};
/** Ends that nobody chose: to call again is what helps. */
const CUT = ["NODE_LOST", "NODE_DRAINED", "MEDIA_LOST", "MEDIA_FAILED"];

/** The phase that an end leads to; `before` is the one of a call that was refused already. */
export function phaseAtEnd<Before extends string>(
  cause: string,
  before: Before | undefined,
): Before | "refused" | "closed" | "cut" | "ended" {
  return REFUSALS[cause] ?? before ?? (CUT.includes(cause) ? "cut" : "ended");
}
