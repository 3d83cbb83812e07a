/** The company's own reasons to be away, under the name of the language; known once somebody needed them. */
import type { NotReadyReason } from "../api/types.ts";
import { language, textOr } from "../i18n/index.ts";
import { createStore } from "../store.ts";

export const reasons = createStore<readonly NotReadyReason[]>([]);

export function nameOfReason({ names, displayName = "" }: NotReadyReason): string {
  return names?.[language()] || displayName;
}

/** A reason as it is told with a state: the name it was picked by, or why the server set it. */
export function reasonText(reason: string | undefined): string {
  const own = reasons.get().find(({ displayName }) => displayName?.toLowerCase() === reason?.toLowerCase());
  return own ? nameOfReason(own) : reason ? textOr("reason", reason) : "";
}
