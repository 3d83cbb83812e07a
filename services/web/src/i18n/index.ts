/**
 * Text on screen. `t(key, values)` reads the loaded catalogue; components use `useText()` so that they draw again
 * when the language changes. Keys are typed from `src/messages/*.json`, so a missing key does not compile.
 */
import { i18n, type Messages } from "@lingui/core";
import { useSyncExternalStore } from "react";
import type { MessageKey } from "./keys.ts";
import { directionOf, isLanguage, type Language, preferredLanguage } from "./languages.ts";

export type { MessageKey } from "./keys.ts";
export { arrowOf, isLanguage, LANGUAGE_NAMES, LANGUAGES, type Language } from "./languages.ts";

type Values = Record<string, string | number>;
export type Text = (key: MessageKey, values?: Values) => string;

const STORAGE_KEY = "merkez.language";

type Catalogue = () => Promise<{ default: Messages }>;

const CATALOGUES: Record<Language, Catalogue> = {
  en: () => import("virtual:messages/en"),
  tr: () => import("virtual:messages/tr"),
  az: () => import("virtual:messages/az"),
  fa: () => import("virtual:messages/fa"),
};

/** What is said beyond the shell and the desktop. */
const PAGE_CATALOGUES: Record<Language, Catalogue> = {
  en: () => import("virtual:messages/en/pages"),
  tr: () => import("virtual:messages/tr/pages"),
  az: () => import("virtual:messages/az/pages"),
  fa: () => import("virtual:messages/fa/pages"),
};

const listeners = new Set<() => void>();
let current: Language = "en";
let pagesNeeded = false;

export const t: Text = (key, values) => i18n._(key, values);

/** Text for a key put together from a server value, such as an enum; the value itself where we have no text. */
export function textOr(prefix: string, value: string, values?: Values): string {
  const key = `${prefix}.${value}`;
  return i18n.messages[key] === undefined ? value : i18n._(key, values);
}

export function language(): Language {
  return current;
}

/** The language to start in: an earlier choice on this device, else the browser's. */
export function initialLanguage(): Language {
  const stored = readStored();
  return stored ?? preferredLanguage(navigator.languages ?? [navigator.language]);
}

/** Has the person picked a language on this device? If not, the account's language decides. */
export function languageWasChosen(): boolean {
  return readStored() !== undefined;
}

/** Loads a catalogue and turns the page to it. `remember` keeps the choice on this device. */
export async function activateLanguage(next: Language, remember = false): Promise<void> {
  const [{ default: messages }, pages] = await Promise.all([
    CATALOGUES[next](),
    pagesNeeded ? PAGE_CATALOGUES[next]() : undefined,
  ]);
  i18n.load(next, { ...messages, ...pages?.default });
  i18n.activate(next);
  current = next;
  document.documentElement.lang = next;
  document.documentElement.dir = directionOf(next);
  if (next === "fa") await import("@fontsource-variable/vazirmatn");
  if (remember) writeStored(next);
  for (const listener of listeners) listener();
}

/** Brings what lazy pages say, in this language and in every one that is turned to later. */
export async function loadPageMessages(): Promise<void> {
  if (pagesNeeded) return;
  const { default: messages } = await PAGE_CATALOGUES[current]();
  i18n.load(current, { ...i18n.messages, ...messages });
  pagesNeeded = true;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The language of the page; the component draws again when it changes. */
export function useLanguage(): Language {
  return useSyncExternalStore(subscribe, language);
}

export function useText(): Text {
  useLanguage();
  return t;
}

function readStored(): Language | undefined {
  try {
    const value = localStorage.getItem(STORAGE_KEY);
    return isLanguage(value) ? value : undefined;
  } catch {
    return undefined; // storage can be forbidden by the browser's settings
  }
}

function writeStored(value: Language): void {
  try {
    localStorage.setItem(STORAGE_KEY, value);
  } catch {
    // Without storage the choice lasts until the page is closed.
  }
}
