/** The four languages of the product and what follows from choosing one. */
export const LANGUAGES = ["en", "tr", "az", "fa"] as const;
export type Language = (typeof LANGUAGES)[number];

/** Each language's own name: shown the same whatever the page's language is. */
export const LANGUAGE_NAMES: Record<Language, string> = {
  en: "English",
  tr: "Türkçe",
  az: "Azərbaycanca",
  fa: "فارسی",
};

export function isLanguage(value: unknown): value is Language {
  return typeof value === "string" && (LANGUAGES as readonly string[]).includes(value);
}

export function directionOf(language: Language): "ltr" | "rtl" {
  return language === "fa" ? "rtl" : "ltr";
}

/** From one to the next, as one reads: the sign itself is not mirrored by the browser. */
export function arrowOf(language: Language): string {
  return directionOf(language) === "rtl" ? "←" : "→";
}

/** The first of the browser's languages that we speak, else English. */
export function preferredLanguage(candidates: readonly string[]): Language {
  for (const candidate of candidates) {
    const primary = candidate.toLowerCase().split("-")[0];
    if (isLanguage(primary)) return primary;
  }
  return "en";
}
