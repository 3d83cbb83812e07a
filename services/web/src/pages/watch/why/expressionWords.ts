import { parsed, type SkillOf } from "../../../rules/requirements.ts";
import { requirementWords, type Speech } from "../../../rules/words.ts";

/** What an expression of the server means in words; the expression itself where a skill isn't known here yet. */
export function expressionWords(expression: string, speech: Speech & { skillOf: SkillOf }): string {
  try {
    return requirementWords(parsed(expression, speech.skillOf), speech);
  } catch {
    return expression;
  }
}
