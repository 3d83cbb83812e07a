/** A call is one tab's, also where a copy of the tab has its token. */
import { expect, test, vi } from "vitest";
import type { Locks } from "../src/media/owner.ts";
import { OneTab } from "../widget/oneTab.ts";

/** Web Locks as the specification has them, without stealing. */
class Browser implements Locks {
  private held = new Map<string, Promise<unknown>>();

  async request(
    name: string,
    { signal }: { signal?: AbortSignal },
    work: () => Promise<void>,
  ): Promise<unknown> {
    const aborted = new Promise((_, reject) =>
      signal?.addEventListener("abort", () => reject(signal.reason)),
    );
    aborted.catch(() => undefined);
    await Promise.race([this.held.get(name), ...(signal ? [aborted] : [])]);
    const working = work();
    this.held.set(name, working);
    return working;
  }
}

test("a copy of a tab leaves the call to the tab that has it, until that one is done with it", async () => {
  vi.useFakeTimers();
  const browser = new Browser();
  const [first, copy] = [new OneTab(browser), new OneTab(browser)];
  expect(await first.take("ten.leg.secret")).toBe(true);
  const wish = copy.take("ten.leg.secret");
  await vi.advanceTimersByTimeAsync(5000);
  expect(await wish).toBe(false);
  expect(await copy.take("ten.leg.another")).toBe(true);
  const again = copy.take("ten.leg.secret");
  await vi.advanceTimersByTimeAsync(100);
  first.letGo();
  expect(await again).toBe(true);
  vi.useRealTimers();
});

test("without locks, or where a page may have none, the call goes on", async () => {
  expect(await new OneTab(undefined).take("ten.leg.secret")).toBe(true);
  const denied: Locks = { request: () => Promise.reject(new DOMException("no", "SecurityError")) };
  expect(await new OneTab(denied).take("ten.leg.secret")).toBe(true);
});
