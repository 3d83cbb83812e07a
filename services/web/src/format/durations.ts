/** Lengths of time: running timers, and proto3 JSON durations ("12.5s"). */
import type { Language } from "../i18n/languages.ts";
import { localDigits } from "./numbers.ts";

/** "0:07", "12:41", "1:02:09". Negative lengths show as zero: a server's clock may be a moment ahead of ours. */
export function formatClock(seconds: number, language: Language): string {
  const whole = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = String(whole % 60).padStart(2, "0");
  const text = hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
  return localDigits(text, language);
}

/** Seconds of a proto3 JSON duration ("3.250s"); 0 when there is none. */
export function durationSeconds(value: string | undefined | null): number {
  if (!value) return 0;
  const seconds = Number(value.replace(/s$/, ""));
  return Number.isFinite(seconds) ? seconds : 0;
}

/** The proto3 JSON text of a length in seconds. */
export function toDuration(seconds: number): string {
  return `${seconds}s`;
}

/** Seconds between two instants; the later one defaults to now. */
export function secondsBetween(from: string | undefined, to: number): number {
  const start = from ? Date.parse(from) : Number.NaN;
  return Number.isNaN(start) ? 0 : (to - start) / 1000;
}
