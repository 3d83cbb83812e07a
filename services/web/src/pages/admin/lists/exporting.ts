/** A list as a file. */
import { api, ask } from "../../../api/client.ts";
import type { NumberList } from "../../../api/types.ts";
import { saveFile } from "../../saveFile.ts";

/** Reads the whole list page by page and has the browser keep it as CSV. */
export async function exportList(list: NumberList): Promise<void> {
  const numberListId = list.numberListId ?? "";
  const parts: string[] = [];
  let pageToken = "";
  do {
    const page = await ask(
      api.GET("/v1/numberLists/{numberListId}/entries:export", {
        params: { path: { numberListId }, query: { pageToken } },
      }),
    );
    parts.push(page.csv ?? "");
    pageToken = page.nextPageToken ?? "";
  } while (pageToken);
  // The mark in front has spreadsheets read names of all languages as they are.
  saveFile(`${list.key ?? "numbers"}.csv`, ["\ufeff", ...parts], "text/csv;charset=utf-8");
}
