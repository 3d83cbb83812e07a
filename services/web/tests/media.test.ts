import { describe, expect, it } from "vitest";
import { type Locks, MediaOwner, type Ownership } from "../src/media/owner.ts";
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
  it("shows after a second without packets and re-attaches within two", () => {
    const watch = new StallWatch();
    watch.reset(0);
    watch.observe(10, 0);
    expect(watch.observe(10, 750)).toEqual({ stalled: false, reattach: false });
    expect(watch.observe(10, 1000)).toEqual({ stalled: true, reattach: false });
    expect(watch.observe(10, 1500).reattach).toBe(true);
  });

  it("tries ever more rarely while silence lasts", () => {
    const watch = new StallWatch();
    watch.reset(0);
    const tries: number[] = [];
    for (let now = 0; now <= 20_000; now += 250) if (watch.observe(10, now).reattach) tries.push(now);
    expect(tries).toEqual([1250, 3250, 8250, 18_250]);
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
