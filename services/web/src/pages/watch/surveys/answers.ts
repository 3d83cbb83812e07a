/** What is asked for of surveys, and its answers as a file. */
import { api, ask } from "../../../api/client.ts";
import type { SurveyAnswer, SurveyQuestion } from "../../../api/types.ts";
import { durationSeconds } from "../../../format/durations.ts";
import { saveFile } from "../../saveFile.ts";

/** Answers of so many whole days until now; what is empty takes all. */
export interface Wanted {
  days: number;
  brandId: string;
  flowId: string;
  questionId: string;
}

export const PERIODS = [1, 7, 30, 90, 365] as const;
const DAY_MS = 86_400_000;

/** The query of the API; the first day is whole, by the reader's clock. */
export function queryOf({ days, brandId, flowId, questionId }: Wanted, now: Date) {
  const begin = new Date(now.getFullYear(), now.getMonth(), now.getDate() - days + 1);
  // To the minute, so that one question is asked once.
  const end = new Date(Math.ceil((now.getTime() + 1) / 60_000) * 60_000);
  return {
    "filter.fromTime": begin.toISOString(),
    "filter.toTime": new Date(Math.min(end.getTime(), begin.getTime() + 366 * DAY_MS)).toISOString(),
    ...(brandId && { "filter.brandId": brandId }),
    ...(flowId && { "filter.flowId": flowId }),
    ...(questionId && { "filter.questionId": questionId }),
  };
}

/** Every answer of a question's scale with how many gave it; of a long scale those that somebody gave. */
export function scaleOf({ lowest = 0, highest = 0, counts = [] }: SurveyQuestion) {
  const given = new Map(counts.map((each) => [each.value ?? 0, Number(each.count ?? 0)]));
  const all =
    highest - lowest <= 10
      ? Array.from({ length: highest - lowest + 1 }, (_, place) => lowest + place)
      : [...given.keys()].sort((a, b) => a - b);
  return all.map((value) => ({ value, count: given.get(value) ?? 0 }));
}

/** A field of a CSV file. What a spreadsheet would take for a formula is kept a text. */
function cell(value: string | number | undefined): string {
  const text = String(value ?? "");
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export type Column = readonly [head: string, of: (answer: SurveyAnswer) => string | number | undefined];

/** Answers as CSV, a line each. */
export const csvOf = (columns: readonly Column[], answers: readonly SurveyAnswer[]): string =>
  [columns.map(([head]) => cell(head)), ...answers.map((each) => columns.map(([, of]) => cell(of(each))))]
    .map((line) => `${line.join(",")}\r\n`)
    .join("");

/** Reads every answer page by page and has the browser keep them. */
export async function download(wanted: Wanted, columns: readonly Column[]): Promise<void> {
  const query = queryOf(wanted, new Date());
  const answers: SurveyAnswer[] = [];
  let pageToken = "";
  do {
    const page = await ask(
      api.GET("/v1/surveyAnswers", { params: { query: { ...query, pageSize: 200, pageToken } } }),
    );
    answers.push(...(page.answers ?? []));
    pageToken = page.nextPageToken ?? "";
  } while (pageToken);
  // The mark in front has spreadsheets read names of all languages as they are.
  saveFile("survey-answers.csv", ["\ufeff", csvOf(columns, answers)], "text/csv;charset=utf-8");
}

export const commentSeconds = (answer: SurveyAnswer): number => durationSeconds(answer.commentDuration);
