/** Which skills complete what is being written at the caret of an expression. Pure. */

const MOST = 6;
const LANGUAGE_WORDS = ["and", "or", "not"];

export interface Completion {
  /** Where what is being written begins, in UTF-16 units. */
  begin: number;
  names: readonly string[];
}

/** Names that begin with the word before the caret, then those with a word in it that does; none when nothing is begun. */
export function completionAt(text: string, caret: number, names: readonly string[]): Completion {
  const before = text.slice(0, caret);
  const quotes = before.split('"').length - 1;
  const begin =
    quotes % 2 === 1 ? before.lastIndexOf('"') : caret - (/[^\s()<>="]*$/.exec(before)?.[0].length ?? 0);
  const begun = before.slice(begin).replace(/^"/, "").toLowerCase();
  if (begun === "" || LANGUAGE_WORDS.includes(begun) || /^\d+$/.test(begun)) return { begin, names: [] };
  const starts = names.filter((name) => name.toLowerCase().startsWith(begun));
  const within = names.filter((name) => !starts.includes(name) && name.toLowerCase().includes(` ${begun}`));
  const found = [...starts, ...within].filter((name) => name.toLowerCase() !== begun);
  return { begin, names: found.slice(0, MOST) };
}
