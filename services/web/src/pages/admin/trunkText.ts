/** A trunk's lists as people type them, one entry a line, and what the server has against them. */
import type { Problem } from "../../api/problem.ts";
import type { Trunk } from "../../api/types.ts";
import { latinDigits } from "../../format/numbers.ts";
import { textOr } from "../../i18n/index.ts";

type Rate = NonNullable<Trunk["rates"]>[number];

const RATE = /^(\*|[A-Za-z]{2}|001)\s*[\s:=,;]\s*(\d+(?:[.,٫]\d+)?)$/;

/** What is wrong with one field, by its whole path as the API writes it: `trunk.limits.spendLimit`. */
export function complaintAt(problem: Problem | undefined, path: string): string | undefined {
  return problem?.fields.find(
    ({ field }) => field === path || field.startsWith(`${path}[`) || field.startsWith(`${path}.`),
  )?.description;
}

/** What was found of a trunk: `said`, or where it has no words of its own those that calls have for the same. */
export function wordsOf(said: string, finding: string): string {
  return said === finding ? textOr("problem", finding) : said;
}

export function linesOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
}

/** What is pasted as numbers, one entry each: lines, cells of a sheet; headings and names have no digit in them. */
export function numbersOf(text: string): string[] {
  return latinDigits(text)
    .split(/[\n\r\t;,،؛]+/)
    .map((entry) =>
      entry
        .trim()
        .replace(/^["']|["']$/g, "")
        .trim(),
    )
    .filter((entry) => /\d/.test(entry));
}

/** "TR 0.045" a line, `*` for every other country; the number of the first line that is neither. */
export function readRates(text: string): { rates: Rate[]; wrong?: number } {
  const rates: Rate[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (!line.trim()) continue;
    const [, country = "", price = ""] = RATE.exec(latinDigits(line.trim())) ?? [];
    if (!country) return { rates, wrong: index + 1 };
    rates.push({ country: country === "*" ? "" : country.toUpperCase(), price: price.replace(/[,٫]/, ".") });
  }
  return { rates };
}

export function writeRates(rates: readonly Rate[] = []): string {
  return rates.map(({ country, price }) => `${country || "*"} ${price}`).join("\n");
}
