/** Spoken and shown in passing: a live region for screen readers, and quiet toasts. */
import { VisuallyHidden } from "@mantine/core";
import { createStore, useStore } from "../store.ts";
import classes from "./ui.module.css";

interface Saying {
  text: string;
  urgent: boolean;
  count: number;
}

const saying = createStore<Saying>({ text: "", urgent: false, count: 0 });
const toasts = createStore<readonly { id: number; text: string }[]>([]);
let nextToast = 1;

/** Says a sentence to screen readers. `urgent` interrupts: only for offers and lost audio. */
export function announce(text: string, urgent = false): void {
  saying.set((previous) => ({ text, urgent, count: previous.count + 1 }));
}

/** A short confirmation that goes away by itself. Failures are never toasts: they stay where they happened. */
export function toast(text: string): void {
  const id = nextToast++;
  toasts.set((previous) => [...previous, { id, text }]);
  announce(text);
  setTimeout(() => toasts.set((previous) => previous.filter((entry) => entry.id !== id)), 4000);
}

export function Announcements() {
  const { text, urgent, count } = useStore(saying);
  const shown = useStore(toasts);
  // The same sentence twice must be said twice: a trailing space makes it another text.
  const spoken = count % 2 ? text : `${text} `;
  return (
    <>
      <VisuallyHidden>
        <div aria-live="polite" data-testid="live-polite">
          {urgent ? "" : spoken}
        </div>
        <div aria-live="assertive" data-testid="live-assertive">
          {urgent ? spoken : ""}
        </div>
      </VisuallyHidden>
      <div className={classes.toasts}>
        {shown.map((entry) => (
          <div key={entry.id} className={classes.toast} data-testid="toast">
            {entry.text}
          </div>
        ))}
      </div>
    </>
  );
}
