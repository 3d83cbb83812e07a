import { useNames } from "../api/names.ts";
import { useSkills } from "../api/staff.ts";
import { useLanguage, useText } from "../i18n/index.ts";
import type { SkillOf } from "./requirements.ts";
import type { Speech } from "./words.ts";

/** What rules are put in words with, and the skill behind a name in an expression. */
export function useSpeech(): Speech & { skillOf: SkillOf; skillNames: readonly string[] } {
  const t = useText();
  const language = useLanguage();
  const names = useNames();
  const skills = useSkills().data ?? [];
  return {
    t,
    language,
    queue: names.queue,
    skill: (id) => skills.find((each) => each.skillId === id)?.displayName ?? id,
    skillOf: (name) =>
      skills.find((each) => each.skillId === name || each.displayName?.toLowerCase() === name.toLowerCase())
        ?.skillId,
    skillNames: skills.map((each) => each.displayName ?? ""),
  };
}
