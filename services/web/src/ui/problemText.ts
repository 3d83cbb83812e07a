import type { Problem } from "../api/problem.ts";
import { formatClock } from "../format/durations.ts";
import { isolated } from "../format/isolated.ts";
import { language, type MessageKey, t, textOr } from "../i18n/index.ts";

/** What happened and what to do next, in the reader's language where we know the reason, else as the server said it. */
export function problemText(problem: Problem): string {
  const known = textOr("problem", problem.reason, partsOf(problem));
  const wait = problem.retryAfterSeconds
    ? ` ${t("problem.retryAfter", { time: formatClock(problem.retryAfterSeconds, language()) })}`
    : "";
  if (known !== problem.reason) return known + wait;
  const byStatus = statusKey(problem.status);
  const detail = problem.detail && problem.detail !== problem.reason ? ` ${problem.detail}` : "";
  return `${t(byStatus)}${detail}${wait}`;
}

/** What a problem is about: the plan's limits in words, numbers, what the server said of it. */
function partsOf(problem: Problem): Record<string, string> {
  const { limit, limits, allowed, numbers, flows } = problem.metadata;
  const named = String(limit ?? limits ?? "").split(",");
  return {
    limits: named.map((each) => textOr("limit", each)).join(", "),
    allowed: String(allowed ?? ""),
    numbers: String(numbers ?? ""),
    flows: isolated(String(flows ?? "")),
    detail: isolated(problem.detail),
  };
}

function statusKey(status: number): MessageKey {
  if (status === 400 || status === 422) return "problem.input";
  if (status === 403) return "problem.forbidden";
  if (status === 404) return "problem.notFound";
  if (status === 409 || status === 412) return "problem.conflict";
  if (status === 429) return "problem.tooMany";
  return "problem.server";
}
