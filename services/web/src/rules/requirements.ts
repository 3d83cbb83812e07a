/**
 * Which skills an agent needs, as the server reads it (routing's `requirements.py`): an expression of skills, `and`, `or`,
 * `not` and brackets, and the alternatives it stands for. Here it only helps who writes one to see what it means before
 * it is saved; the server decides. `tests/contracts/test_expressions.py` holds both to the same examples.
 */

export const MAX_LEVEL = 5;
export const MAX_LENGTH = 2000;
const MAX_ALTERNATIVES = 32;
const MAX_DEPTH = 20;
/** Alternatives that are looked through for a part that can never hold. */
const MAX_TRIED = 4096;

/** A level of one skill, `least` to `most`; `least` 0 is met by who hasn't the skill. */
export interface Term {
  skill: string;
  least: number;
  most: number;
}
/** Terms that must all be met, each skill once, in order of skill. */
export type Alternative = readonly Term[];
/** One of these must be met. */
export type Requirement = readonly Alternative[];
export const ANYBODY: Requirement = [[]];

export type FaultKind =
  | "tooLong"
  | "tooMany"
  | "contradiction"
  | "never"
  | "always"
  | "join"
  | "depth"
  | "bracket"
  | "skill"
  | "unknown"
  | "level";

/** What is wrong with an expression; `at` counts characters from 0, undefined when it is the whole. */
export class Fault extends Error {
  constructor(
    readonly kind: FaultKind,
    readonly at?: number,
    readonly skill = "",
  ) {
    super(kind);
  }
}

/** The skill of a name in an expression, undefined when there is none. */
export type SkillOf = (name: string) => string | undefined;

/** The requirement that an expression states, `ANYBODY` for an empty one; throws a `Fault`. */
export function parsed(text: string, skillOf: SkillOf): Requirement {
  if ([...text].length > MAX_LENGTH) throw new Fault("tooLong");
  return text.trim() ? new Parser(text, skillOf).whole() : ANYBODY;
}

/** The expression with its skills under other names; those `nameOf` doesn't know keep the one they have. */
export function renamed(text: string, nameOf: SkillOf): string {
  let made = "";
  let at = 0;
  for (const { kind, value, begin, end } of tokens(text)) {
    const name = kind === "name" ? nameOf(value) : undefined;
    const word = name === undefined ? text.slice(begin, end) : quoted(name);
    // What a quotation mark kept apart from its neighbour would else become one word with it.
    const glued = begin === at && /[^\s()<>="]$/.test(made) && /^[^\s()<>="]/.test(word);
    made += (glued ? " " : text.slice(at, begin)) + word;
    at = end;
  }
  return made + text.slice(at);
}

/** Everything of a list of skills with their least levels. */
export function ofLevels(
  levels: readonly { skillId?: string | undefined; proficiency?: number | undefined }[],
) {
  return [sorted(levels.map((each) => term(each.skillId ?? "", each.proficiency || 1)))];
}

/** What meets both; empty when nobody can. */
export function both(first: Requirement, second: Requirement): Requirement {
  return simplified(first.flatMap((one) => second.flatMap((other) => joined(one, other))));
}

/** What meets one of them. */
export const either = (first: Requirement, second: Requirement): Requirement =>
  simplified([...first, ...second]);

/** The same, this skill not asked for. */
export const without = (requirement: Requirement, skill: string): Requirement =>
  simplified(requirement.map((each) => each.filter((one) => one.skill !== skill)));

/** The same, this level of the skill enough wherever more was asked for. */
export function lowered(requirement: Requirement, skill: string, least: number): Requirement {
  const lower = (one: Term) => (one.skill === skill ? { ...one, least: Math.min(one.least, least) } : one);
  return simplified(requirement.map((each) => each.map(lower)));
}

/** The same, another skill in place of this one wherever it was asked for. */
export function swapped(requirement: Requirement, skill: string, other: string, least: number): Requirement {
  return simplified(
    requirement.flatMap((each) => {
      const kept = each.filter((one) => one.skill !== skill || one.least === 0);
      return kept.length < each.length ? joined(kept, [term(other, least)]) : [each];
    }),
  );
}

/** Every skill that counts in it. */
export function skillsNamed(requirement: Requirement): Set<string> {
  return new Set(requirement.flatMap((each) => each.map((one) => one.skill)));
}

/** A skill's name as an expression says it. */
export function quoted(name: string): string {
  const plain = /^[^\s()<>="]+$/.test(name) && !WORDS.includes(name.toLowerCase());
  return plain ? name : `"${name.replaceAll('"', '""')}"`;
}

const term = (skill: string, least: number, most = MAX_LEVEL): Term => ({ skill, least, most });

function sorted(terms: readonly Term[]): Alternative {
  return [...terms].sort((a, b) => (a.skill < b.skill ? -1 : a.skill > b.skill ? 1 : 0));
}

/** One alternative that asks for all of both, none when no level meets them. */
function joined(one: Alternative, other: Alternative): Alternative[] {
  const terms = new Map(one.map((each) => [each.skill, each]));
  for (const each of other) {
    const known = terms.get(each.skill) ?? term(each.skill, 0);
    const next = term(each.skill, Math.max(known.least, each.least), Math.min(known.most, each.most));
    if (next.least > next.most) return [];
    terms.set(each.skill, next);
  }
  return [sorted([...terms.values()])];
}

const key = (each: Alternative): string =>
  JSON.stringify(each.map(({ skill, least, most }) => [skill, least, most]));

/** Without terms that everybody meets, and without alternatives that others include. */
function simplified(alternatives: readonly Alternative[]): Requirement {
  const plain = new Map(
    alternatives
      .map((each) => each.filter((one) => one.least > 0 || one.most < MAX_LEVEL))
      .map((each) => [key(each), each]),
  );
  const all = [...plain.values()];
  return all
    .filter((each) => !all.some((other) => other !== each && includes(other, each)))
    .sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** Whether who meets the narrower one also meets the wider. */
function includes(wider: Alternative, narrower: Alternative): boolean {
  return wider.every((each) => {
    const asked = narrower.find((one) => one.skill === each.skill);
    return asked !== undefined && each.least <= asked.least && asked.most <= each.most;
  });
}

const WORDS = ["and", "or", "not"];
const MARKS = [">=", "<=", "="];
const TOKEN = /\s*(?:(>=|<=|=|\(|\))|"((?:[^"]|"")*)"|([^\s()<>="]+))/y;

interface Token {
  /** A mark or word of the language, `number`, `name`, `wrong` or `end`. */
  kind: string;
  value: string;
  begin: number;
  end: number;
}

function tokens(text: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  while (text.slice(at).trim()) {
    const begin = at + text.slice(at).length - text.slice(at).trimStart().length;
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (!match) return [...found, { kind: "wrong", value: text[begin] ?? "", begin, end: begin + 1 }];
    at = TOKEN.lastIndex;
    const [, mark, name, word = ""] = match;
    const place = { begin, end: at };
    if (mark) found.push({ kind: mark, value: mark, ...place });
    else if (name !== undefined) found.push({ kind: "name", value: name.replaceAll('""', '"'), ...place });
    else found.push({ kind: kindOf(word, MARKS.includes(found.at(-1)?.kind ?? "")), value: word, ...place });
  }
  return found;
}

function kindOf(word: string, afterMark: boolean): string {
  const lower = word.toLowerCase();
  if (WORDS.includes(lower)) return lower;
  return afterMark && /^[0-9]+$/.test(word) ? "number" : "name";
}

/** A part of an expression; `place` is the token it begins with. */
type Part =
  | { kind: "term"; place: number; term: Term }
  | { kind: "and" | "or" | "not"; place: number; parts: readonly Part[] };

/** or: and ("or" and)*; and: item ("and" item)*; item: "not" item | "(" or ")" | skill [mark level]. */
class Parser {
  readonly #tokens: readonly Token[];
  readonly #end: Token;
  readonly #skillOf: SkillOf;
  #at = 0;
  #depth = 0;

  constructor(text: string, skillOf: SkillOf) {
    this.#tokens = tokens(text);
    this.#end = { kind: "end", value: "", begin: text.length, end: text.length };
    this.#skillOf = skillOf;
  }

  whole(): Requirement {
    const whole = this.#anyOf();
    if (this.#at < this.#tokens.length) this.#refuse("join");
    const found = this.#met(whole, true);
    this.#requireParts(whole, ANYBODY, true);
    return found;
  }

  #anyOf(): Part {
    const place = this.#at;
    const parts = [this.#allOf()];
    while (this.#take("or")) parts.push(this.#allOf());
    return only(parts) ?? { kind: "or", place, parts };
  }

  #allOf(): Part {
    const place = this.#at;
    const parts = [this.#item()];
    while (this.#take("and")) parts.push(this.#item());
    return only(parts) ?? { kind: "and", place, parts };
  }

  #item(): Part {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) this.#refuse("depth");
    const found = this.#inner();
    this.#depth -= 1;
    return found;
  }

  #inner(): Part {
    const place = this.#at;
    if (this.#take("not")) return { kind: "not", place, parts: [this.#item()] };
    if (!this.#take("(")) return { kind: "term", place, term: this.#term() };
    const found = this.#anyOf();
    if (!this.#take(")")) this.#refuse("bracket");
    return found;
  }

  #term(): Term {
    const { kind, value } = this.#next;
    if (kind !== "name") this.#refuse("skill");
    const skill = this.#skillOf(value);
    if (skill === undefined) this.#refuse("unknown", this.#at, value);
    this.#at += 1;
    const mark = this.#next.kind;
    if (!MARKS.includes(mark)) return term(skill, 1);
    this.#at += 1;
    const level = Number(this.#next.value);
    if (this.#next.kind !== "number" || level < 1 || level > MAX_LEVEL) this.#refuse("level");
    this.#at += 1;
    return term(skill, mark === "<=" ? 0 : level, mark === ">=" ? MAX_LEVEL : level);
  }

  /** What it comes to that a part holds, or doesn't. */
  #met(part: Part, holds: boolean): Requirement {
    if (part.kind === "term") return ofTerm(part.term, holds);
    if (part.kind === "not") return part.parts.flatMap((each) => this.#met(each, !holds));
    const together = allNeeded(part, holds) ? both : either;
    const found = part.parts
      .map((each) => this.#met(each, holds))
      .reduce((one, other) => bounded(together(one, other)));
    if (found.length === 0) this.#refuse("contradiction", part.place);
    return found;
  }

  /** Refuses a part that is one of several to choose from and can't hold with what stands beside it. */
  #requireParts(part: Part, beside: Requirement, holds: boolean): void {
    if (part.kind === "term") return;
    if (part.kind === "not") {
      for (const each of part.parts) this.#requireParts(each, beside, !holds);
      return;
    }
    const found = part.parts.map((each) => this.#met(each, holds));
    for (const [index, each] of part.parts.entries()) {
      let around = beside;
      if (allNeeded(part, holds)) {
        for (const other of found.filter((_, at) => at !== index)) {
          around = both(around, other);
          if (around.length > MAX_TRIED) throw new Fault("tooMany");
        }
      } else if (both(found[index] ?? [], beside).length === 0)
        this.#refuse(holds ? "never" : "always", each.place);
      this.#requireParts(each, around, holds);
    }
  }

  get #next(): Token {
    return this.#tokens[this.#at] ?? this.#end;
  }

  #take(kind: string): boolean {
    const found = this.#next.kind === kind;
    if (found) this.#at += 1;
    return found;
  }

  #refuse(kind: FaultKind, place = this.#at, name?: string): never {
    throw new Fault(kind, (this.#tokens[place] ?? this.#end).begin, name);
  }
}

const only = (parts: readonly Part[]): Part | undefined => (parts.length === 1 ? parts[0] : undefined);

/** Whether all of its parts are needed; that `a and b` doesn't hold takes one of them. */
const allNeeded = (part: Part, holds: boolean): boolean => (part.kind === "and") === holds;

function ofTerm({ skill, least, most }: Term, holds: boolean): Requirement {
  if (holds) return [[term(skill, least, most)]];
  return simplified([
    ...(least > 0 ? [[term(skill, 0, least - 1)]] : []),
    ...(most < MAX_LEVEL ? [[term(skill, most + 1)]] : []),
  ]);
}

function bounded(requirement: Requirement): Requirement {
  if (requirement.length > MAX_ALTERNATIVES) throw new Fault("tooMany");
  return requirement;
}
