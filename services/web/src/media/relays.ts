/**
 * The STUN and TURN servers that carry sound where the straight way is closed. Their credentials run out, so the list is
 * asked for again in the second half of its life, and kept over a reload so that nobody waits for it then. Shared with
 * the widget.
 */
export interface IceServerList {
  iceServers?: { urls?: string[]; username?: string; credential?: string }[];
  expireTime?: string;
}

interface Kept {
  servers: RTCIceServer[];
  /** Milliseconds since the epoch. */
  until: number;
}

/** A peer connection may take a while from its offer to its relay: no credentials that end meanwhile. */
const MARGIN_MS = 5 * 60_000;
const RENEW_BEFORE_MS = 30 * 60_000;
/** Sound by the straight way is better than none: whoever can't say in time is not waited for. */
const PATIENCE_MS = 1500;

export class RelayList {
  private kept: Kept | undefined;
  private readonly waiting = new Set<() => void>();

  /** `ask` has somebody call `keep` soon; `name` is where the list is kept in `memory`. */
  constructor(
    private readonly ask: () => void,
    private readonly memory: Storage | undefined,
    private readonly name: string,
    private readonly patienceMs = PATIENCE_MS,
    private readonly now: () => number = Date.now,
  ) {
    this.kept = this.read();
  }

  /** Whether there is a list, empty or not, that is good for a while. */
  get known(): boolean {
    return this.left > MARGIN_MS;
  }

  /** Whether sound can be relayed at all. */
  get offered(): boolean {
    return (
      this.kept?.servers.some(({ urls }) => [urls].flat().some((url) => url.startsWith("turn"))) ?? false
    );
  }

  /** The list; never fails. */
  async current(): Promise<RTCIceServer[]> {
    if (!this.known) await this.asked();
    else if (this.left < RENEW_BEFORE_MS) this.ask();
    return this.known ? (this.kept?.servers ?? []) : [];
  }

  keep({ iceServers = [], expireTime }: IceServerList): void {
    const servers = iceServers.map(({ urls = [], username, credential }) => ({ urls, username, credential }));
    const until = expireTime ? Date.parse(expireTime) : this.now() + 2 * MARGIN_MS;
    this.kept = { servers, until };
    this.write(this.kept);
    for (const go of this.waiting) go();
  }

  /** The relay refused these credentials: the next connection asks for others. */
  forget(): void {
    this.kept = undefined;
    this.write(undefined);
  }

  private get left(): number {
    return (this.kept?.until ?? 0) - this.now();
  }

  private async asked(): Promise<void> {
    await new Promise<void>((resolve) => {
      const go = () => {
        clearTimeout(timer);
        this.waiting.delete(go);
        resolve();
      };
      const timer = setTimeout(go, this.patienceMs);
      this.waiting.add(go);
      this.ask();
    });
  }

  private read(): Kept | undefined {
    try {
      return JSON.parse(this.memory?.getItem(this.name) ?? "null") ?? undefined;
    } catch {
      return undefined;
    }
  }

  private write(kept: Kept | undefined): void {
    try {
      if (kept) this.memory?.setItem(this.name, JSON.stringify(kept));
      else this.memory?.removeItem(this.name);
    } catch {
      // A page without storage asks again after a reload.
    }
  }
}

/** This tab's memory, undefined where pages may keep nothing. */
export function tabMemory(): Storage | undefined {
  try {
    return sessionStorage;
  } catch {
    return undefined;
  }
}
