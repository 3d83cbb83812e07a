/** Why a leg or a call ended, in words: Q.850 causes and SIP statuses as people would say them. */
import { textOr } from "../../i18n/index.ts";

/** Normal clearing: nothing to explain. */
const NORMAL = 16;

interface Ended {
  q850Cause?: number;
  sipStatus?: number;
}

/** Empty when it ended as calls do; an unknown cause is named by its number. */
export function causeText({ q850Cause = 0, sipStatus = 0 }: Ended): string {
  const words: string[] = [];
  if (q850Cause && q850Cause !== NORMAL) words.push(worded("q850", "Q.850", q850Cause));
  if (sipStatus) words.push(worded("sipStatus", "SIP", sipStatus));
  return words.join(" · ");
}

function worded(family: "q850" | "sipStatus", standard: string, code: number): string {
  const text = family === "q850" ? textOr("q850", String(code)) : textOr("sipStatus", String(code));
  return text === String(code) ? `${standard} ${code}` : `${text} (${standard} ${code})`;
}
