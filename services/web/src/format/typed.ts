import { latinDigits } from "./numbers.ts";

/** A decimal as it is typed in any of our languages: Persian digits, a comma for the point. */
export function decimalText(text: string): string {
  return latinDigits(text.trim()).replace(/[,٫]/, ".");
}
