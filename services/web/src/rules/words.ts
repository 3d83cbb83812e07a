/** Rules of a queue in words: lengths of time, what is asked for, why an agent isn't the one. */
import type { RequirementChange } from "../api/types.ts";
import { reasonText } from "../desktop/reasons.ts";
import { shortState } from "../desktop/ui/StateText.tsx";
import { isolated } from "../format/isolated.ts";
import { formatNumber } from "../format/numbers.ts";
import { type Language, type Text, textOr } from "../i18n/index.ts";
import type { Asked } from "./course.ts";
import { MAX_LEVEL, type Requirement, type Term } from "./requirements.ts";

/** What words are made with: names behind ids among them. */
export interface Speech {
  t: Text;
  language: Language;
  skill: (id: string) => string;
  queue: (id: string) => string;
}

const UNITS = [
  ["days", 86_400],
  ["hours", 3600],
  ["minutes", 60],
  ["seconds", 1],
] as const;

/** "1 hour 30 minutes": the two largest units that say something. */
export function lengthWords(seconds: number, t: Text, language: Language): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole === 0) return t("length.seconds", { count: 0, number: formatNumber(0, language) });
  const first = UNITS.findIndex(([, size]) => whole >= size);
  return UNITS.slice(first, first + 2)
    .map(([unit, size], index) => {
      const count = Math.floor((index === 0 ? whole : whole % (UNITS[first]?.[1] ?? 1)) / size);
      return count && t(`length.${unit}`, { count, number: formatNumber(count, language) });
    })
    .filter(Boolean)
    .join(" ");
}

/** What an agent needs, as the end of a sentence: "French at level 3 or better and Sales; or Manager". */
export function requirementWords(requirement: Requirement, { t, language, skill }: Speech): string {
  if (requirement.length === 0) return t("rules.words.nobody");
  if (requirement.some((each) => each.length === 0)) return t("rules.words.anybody");
  const number = (value: number) => formatNumber(value, language);
  const say = ({ skill: id, least, most }: Term): string => {
    const values = { skill: isolated(skill(id)), level: number(least), most: number(most) };
    if (least === 0) return most === 0 ? t("rules.words.without", values) : t("rules.words.atMost", values);
    if (least === most) return t("rules.words.exactly", values);
    if (most < MAX_LEVEL) return t("rules.words.between", values);
    return least === 1 ? values.skill : t("rules.words.atLeast", values);
  };
  return requirement.map((each) => each.map(say).join(t("rules.words.and"))).join(t("rules.words.or"));
}

/** The same, with whose agents may take it besides the queue's own. */
export function askedWords({ requirement, queueIds }: Asked, speech: Speech): string {
  const asked = requirementWords(requirement, speech);
  if (queueIds.length === 0) return asked;
  const queues = queueIds.map((id) => isolated(speech.queue(id))).join(", ");
  return `${asked} ${speech.t("rules.words.alsoQueues", { queues })}`;
}

/** Which of its fields a change is; undefined for one that says nothing yet. */
export type ChangeKind = "removeSkillId" | "lower" | "swap" | "also" | "require" | "replace" | "alsoQueueId";
export const CHANGE_KINDS: readonly ChangeKind[] = [
  "removeSkillId",
  "lower",
  "swap",
  "also",
  "require",
  "replace",
  "alsoQueueId",
];

export function kindOfChange(change: RequirementChange): ChangeKind | undefined {
  return CHANGE_KINDS.find((kind) => change[kind] !== undefined);
}

/** Why an agent isn't the one, in words; `rejection` is the server's, such as `skill_missing:skl_...`. */
export function rejectionWords(rejection: string, { t, skill }: Speech): string {
  const [why = "", what = "", more = ""] = rejection.split(":");
  if (!why) return t("why.would");
  if (why === "state") {
    const state = textOr("state", shortState(what));
    return more ? `${state} · ${reasonText(more)}` : state;
  }
  return textOr("rejection", why, { skill: isolated(what ? skill(what) : "") });
}
