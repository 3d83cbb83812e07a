/**
 * One tab of this browser owns the sound. A Web Lock elects it: the first tab gets it, the others wait in line and
 * the next one takes over by itself when the owner is closed. A person may also move the sound to another tab.
 */
export type Ownership = "waiting" | "owner" | "lost";

export interface Locks {
  request(
    name: string,
    options: { steal?: boolean; signal?: AbortSignal },
    work: () => Promise<void>,
  ): Promise<unknown>;
}

const LOCK = "merkez-media";

export class MediaOwner {
  ownership: Ownership = "waiting";
  private release: (() => void) | undefined;
  private round = 0;

  /** `locks` is undefined in browsers without Web Locks: every tab then owns its own sound. */
  constructor(
    private readonly locks: Locks | undefined,
    private readonly changed: (ownership: Ownership) => void,
  ) {}

  /** Stands in line; `steal` goes to its head and takes the sound from whoever has it. */
  claim(steal = false): void {
    if (this.ownership === "owner") return;
    const round = ++this.round;
    if (!this.locks) return this.become("owner");
    const held = () =>
      new Promise<void>((resolve) => {
        if (round !== this.round) return resolve();
        this.release = resolve;
        this.become("owner");
      });
    this.locks.request(LOCK, steal ? { steal: true } : {}, held).catch(() => this.robbed(round));
  }

  /** Gives the sound away, as when signing out. */
  giveUp(): void {
    this.round += 1;
    this.release?.();
    this.release = undefined;
    this.become("waiting");
  }

  /** Another tab took the sound: let go at once and stand in line again. */
  private robbed(round: number): void {
    if (round !== this.round) return;
    this.release = undefined;
    this.become("lost");
    this.claim();
  }

  private become(next: Ownership): void {
    if (next === this.ownership) return;
    this.ownership = next;
    this.changed(next);
  }
}
