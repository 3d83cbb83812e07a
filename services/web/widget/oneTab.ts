/**
 * Which tab has a call. A copy of a tab ("Duplicate", window.open) has its memory and so the call's token too: both would
 * make the media anew, and take the sound from each other for as long as they are open. A Web Lock tells them apart.
 */
import type { Locks } from "../src/media/owner.ts";

const PATIENCE_MS = 2000;

export class OneTab {
  private release: (() => void) | undefined;

  /** `locks` is undefined in browsers without Web Locks: every tab then has the call. */
  constructor(private readonly locks: Locks | undefined) {}

  /** Whether this tab has the call from now on. The page before a reload has let go by then; another tab doesn't. */
  take(token: string): Promise<boolean> {
    this.letGo();
    const { locks } = this;
    if (!locks) return Promise.resolve(true);
    return new Promise((resolve) => {
      const waiting = new AbortController();
      const timer = setTimeout(() => waiting.abort(), PATIENCE_MS);
      const held = () =>
        new Promise<void>((done) => {
          clearTimeout(timer);
          this.release = done;
          resolve(true);
        });
      // Where a page may have no locks it has no other tab to share with either.
      locks
        .request(`merkez.call.${token}`, { signal: waiting.signal }, held)
        .catch(() => resolve(!waiting.signal.aborted));
    });
  }

  letGo(): void {
    this.release?.();
    this.release = undefined;
  }
}
