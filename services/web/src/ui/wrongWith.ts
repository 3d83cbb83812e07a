/** What is wrong with what stands in a field, as far as the page can tell; the server decides. */
import type { MessageKey } from "../i18n/index.ts";

export interface Asked {
  required?: boolean | undefined;
  type?: string | undefined;
  minLength?: number | undefined;
  value?: unknown;
}

const EMAIL = /^[^\s@]+@[^\s@]+$/;

/** The complaint's message, which may take `count`, the least length; undefined when there is none. */
export function wrongWith({ required, type, minLength, value }: Asked): MessageKey | undefined {
  const text = typeof value === "string" ? value.trim() : "";
  const empty = typeof value === "string" ? text === "" : Array.isArray(value) ? value.length === 0 : !value;
  if (empty) return required ? "form.required" : undefined;
  if (type === "email" && !EMAIL.test(text)) return "form.email";
  if (minLength !== undefined && typeof value === "string" && value.length < minLength) return "form.short";
  return undefined;
}
