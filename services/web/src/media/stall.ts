/**
 * Has the far end's audio stopped? Decided by packets: the server sends some to whoever is in a call, ten times a second
 * when there is nothing to be heard, so a dead way shows within half a second here, while connectionState takes seven.
 * Re-attaching is tried at once and then ever more rarely, since silence that is not our line's fault would come back
 * after each try.
 */
const STALL_AFTER_MS = 1000;
const REATTACH_AFTER_MS = 450;
const BACKOFF_MS = [1500, 2000, 5000, 10_000];

export interface StallVerdict {
  stalled: boolean;
  reattach: boolean;
}

export class StallWatch {
  private packets = -1;
  private lastMove = 0;
  private tries = 0;
  private lastTry = Number.NEGATIVE_INFINITY;

  /** Starts anew: another connection, or a call that has just been joined. */
  reset(now: number): void {
    this.packets = -1;
    this.lastMove = now;
  }

  observe(packetsReceived: number, now: number): StallVerdict {
    if (packetsReceived !== this.packets) {
      if (this.packets >= 0 && packetsReceived > this.packets) this.tries = 0;
      this.packets = packetsReceived;
      this.lastMove = now;
      return { stalled: false, reattach: false };
    }
    const silence = now - this.lastMove;
    const reattach = silence >= REATTACH_AFTER_MS && this.mayTry(now);
    return { stalled: silence >= STALL_AFTER_MS, reattach };
  }

  /** Whether to re-attach now, for any reason: silence, or what the browser says of the network. */
  mayTry(now: number): boolean {
    const pause = BACKOFF_MS[Math.min(this.tries, BACKOFF_MS.length - 1)] ?? 0;
    if (now - this.lastTry < pause) return false;
    this.tries += 1;
    this.lastTry = now;
    return true;
  }
}
