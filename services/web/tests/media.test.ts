import { describe, expect, it, vi } from "vitest";
import { qualityOf } from "../src/desktop/state.ts";
import { type Locks, MediaOwner, type Ownership } from "../src/media/owner.ts";
import { RelayList } from "../src/media/relays.ts";
import { StallWatch } from "../src/media/stall.ts";

/** Web Locks for one name: a holder, a line, and robbery by `steal`. */
class FakeLocks implements Locks {
  private holder: { rob: (reason: Error) => void } | undefined;
  private line: (() => void)[] = [];

  request(_: string, options: { steal?: boolean }, work: () => Promise<void>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const begin = () => {
        const own = { rob: reject };
        this.holder = own;
        void work().then(() => {
          if (this.holder === own) this.next();
          resolve(undefined);
        });
      };
      if (options.steal) {
        this.holder?.rob(new Error("stolen"));
        begin();
      } else if (this.holder) this.line.push(begin);
      else begin();
    });
  }

  private next() {
    this.holder = undefined;
    this.line.shift()?.();
  }
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

function tab(locks: Locks | undefined) {
  const seen: Ownership[] = [];
  return { seen, owner: new MediaOwner(locks, (next) => seen.push(next)) };
}

describe("media owner", () => {
  it("is one tab only; the next one takes over when it is gone", async () => {
    const locks = new FakeLocks();
    const [first, second] = [tab(locks), tab(locks)];
    first.owner.claim();
    second.owner.claim();
    await settle();
    expect([first.owner.ownership, second.owner.ownership]).toEqual(["owner", "waiting"]);
    first.owner.giveUp();
    await settle();
    expect([first.owner.ownership, second.owner.ownership]).toEqual(["waiting", "owner"]);
  });

  it("moves to the tab that asks for it, and comes back when that one goes", async () => {
    const locks = new FakeLocks();
    const [first, second] = [tab(locks), tab(locks)];
    first.owner.claim();
    await settle();
    second.owner.claim(true);
    await settle();
    expect(first.seen).toEqual(["owner", "lost"]);
    expect(second.owner.ownership).toBe("owner");
    second.owner.giveUp();
    await settle();
    expect(first.owner.ownership).toBe("owner");
  });

  it("owns its own sound where the browser has no locks", () => {
    const alone = tab(undefined);
    alone.owner.claim();
    expect(alone.owner.ownership).toBe("owner");
  });
});

describe("stall", () => {
  it("re-attaches within half a second without packets and shows after a second", () => {
    const watch = new StallWatch();
    watch.reset(0);
    watch.observe(10, 0);
    expect(watch.observe(10, 400)).toEqual({ stalled: false, reattach: false });
    expect(watch.observe(10, 500)).toEqual({ stalled: false, reattach: true });
    expect(watch.observe(10, 1000)).toEqual({ stalled: true, reattach: false });
  });

  it("takes what the browser says of the network as a reason too, as rarely as silence", () => {
    const watch = new StallWatch();
    watch.reset(0);
    expect([watch.mayTry(10), watch.mayTry(20), watch.mayTry(2100)]).toEqual([true, false, true]);
  });

  it("tries ever more rarely while silence lasts", () => {
    const watch = new StallWatch();
    watch.reset(0);
    const tries: number[] = [];
    for (let now = 0; now <= 20_000; now += 250) if (watch.observe(10, now).reattach) tries.push(now);
    expect(tries).toEqual([500, 2500, 7500, 17_500]);
  });

  it("takes a muted sender's few packets for life", () => {
    const watch = new StallWatch();
    watch.reset(0);
    const verdicts = Array.from({ length: 40 }, (_, index) =>
      watch.observe(Math.floor(index / 2), index * 200),
    );
    expect(verdicts.some((verdict) => verdict.stalled)).toBe(false);
  });
});

class FakeStorage {
  readonly kept = new Map<string, string>();
  getItem = (key: string) => this.kept.get(key) ?? null;
  setItem = (key: string, value: string) => void this.kept.set(key, value);
  removeItem = (key: string) => void this.kept.delete(key);
}

const RELAYS = { iceServers: [{ urls: ["turn:turn.example.com"], username: "1:a", credential: "b" }] };
const at = (minutes: number) => new Date(minutes * 60_000).toISOString();

describe("relays", () => {
  function list(answer: (list: RelayList) => void, memory = new FakeStorage(), minutes = { now: 0 }) {
    const ask = vi.fn(() => answer(made));
    const made: RelayList = new RelayList(
      ask,
      memory as unknown as Storage,
      "relays",
      20,
      () => minutes.now * 60_000,
    );
    return { ask, memory, minutes, relays: made };
  }

  it("are asked for once, and known again after a reload", async () => {
    const { ask, memory, relays } = list((made) => made.keep({ ...RELAYS, expireTime: at(60) }));
    expect(relays.offered).toBe(false);
    expect(await relays.current()).toEqual(RELAYS.iceServers);
    expect(await relays.current()).toEqual(RELAYS.iceServers);
    expect(ask).toHaveBeenCalledTimes(1);
    const reloaded = list(() => undefined, memory);
    expect([await reloaded.relays.current(), reloaded.relays.offered]).toEqual([RELAYS.iceServers, true]);
    expect(reloaded.ask).not.toHaveBeenCalled();
  });

  it("are asked for again well before their credentials run out, and nobody waits for that", async () => {
    const { ask, minutes, relays } = list(() => undefined);
    relays.keep({ ...RELAYS, expireTime: at(60) });
    minutes.now = 31;
    expect(await relays.current()).toEqual(RELAYS.iceServers);
    expect(ask).toHaveBeenCalledTimes(1);
  });

  it("that have run out are not used", async () => {
    const { minutes, relays } = list(() => undefined);
    relays.keep({ ...RELAYS, expireTime: at(60) });
    minutes.now = 58;
    expect(await relays.current()).toEqual([]);
  });

  it("are done without when nobody says in time, and forgotten when they refuse", async () => {
    const { memory, relays } = list(() => undefined);
    expect(await relays.current()).toEqual([]);
    relays.keep({ ...RELAYS, expireTime: at(60) });
    relays.forget();
    expect([relays.known, memory.kept.size]).toEqual([false, 0]);
  });
});

describe("quality", () => {
  it("is of this call and this party only", () => {
    const [customer, agent] = [
      { party: "customer", stalled: true },
      { party: "agent", agentId: "usr_a" },
    ];
    const hint = { callId: "call_1", legs: [customer, agent] };
    expect(qualityOf(hint, "call_1")).toBe(customer);
    expect(qualityOf(hint, "call_1", "usr_a")).toBe(agent);
    expect(qualityOf(hint, "call_1", "usr_b")).toBeUndefined();
    expect(qualityOf(hint, "call_2")).toBeUndefined();
    expect(qualityOf(undefined, "call_1")).toBeUndefined();
  });
});
