import { type MessageKey, useText } from "../../../i18n/index.ts";
import classes from "./gantt.module.css";

const KEYS: readonly [string, MessageKey][] = [
  ["↑ ↓ ← →", "schedules.key.go"],
  ["Enter", "schedules.key.edit"],
  ["← →", "schedules.key.move"],
  ["Shift ← →", "schedules.key.end"],
  ["Ctrl Shift ← →", "schedules.key.start"],
  ["B", "schedules.key.break"],
  ["L", "schedules.key.lock"],
  ["Delete", "schedules.key.remove"],
  ["Ctrl Z", "schedules.key.undo"],
  ["Ctrl Shift Z", "schedules.key.redo"],
];

/** What keys do in the picture of shifts. */
export function Keys() {
  const t = useText();
  return (
    <ul className={classes.keys} style={{ listStyle: "none", padding: 0 }} aria-label={t("schedules.keys")}>
      {KEYS.map(([key, what]) => (
        <li key={key + what}>
          <kbd dir="ltr">{key}</kbd> {t(what)}
        </li>
      ))}
    </ul>
  );
}
