/**
 * Countries by their ISO 3166 code in the reader's language. Azerbaijani names are shipped (Unicode CLDR): Chromium
 * claims the locale and then gives the code back.
 */
import type { Language } from "../i18n/languages.ts";
import azerbaijani from "./countries.az.json";

const AZERBAIJANI: Readonly<Record<string, string>> = azerbaijani;
const NAMES = new Map<Language, Intl.DisplayNames>();

export function countryName(code: string, language: Language): string {
  if (language === "az") return AZERBAIJANI[code] ?? code;
  let names = NAMES.get(language);
  if (!names) {
    names = new Intl.DisplayNames(language, { type: "region" });
    NAMES.set(language, names);
  }
  return names.of(code) ?? code;
}

/** Letters people type without their marks: "turkiye" finds "Türkiye", "island" finds "İslandiya". */
export function searchable(text: string): string {
  return text
    .toLocaleLowerCase("tr")
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .replaceAll("ı", "i")
    .replaceAll("ə", "e")
    .replaceAll("ي", "ی")
    .replaceAll("ك", "ک");
}
