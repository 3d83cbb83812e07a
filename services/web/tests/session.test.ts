/** A session whose company is suspended: it ends, unless a call is up that must not be cut. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { adopt, lastForCall, renewSession, session } from "../src/session/session.ts";

const SUSPENDED = { status: 403, reason: "TENANT_SUSPENDED" };

describe("a suspended company's session", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("navigator", {});
    vi.stubGlobal("fetch", async () => Response.json(SUSPENDED, { status: 403 }));
    const accessExpireTime = new Date(Date.now() + 60_000).toISOString();
    adopt({ accessToken: "token", accessExpireTime, user: { userId: "usr_1" } }, false);
  });

  afterEach(() => {
    lastForCall(() => false);
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  it("ends when nobody is on the phone", async () => {
    expect(await renewSession()).toBeUndefined();
    expect(session.get().status).toBe("signedOut");
  });

  it("lasts as long as a call is up, and ends at the next renewal after it", async () => {
    let up = true;
    lastForCall(() => up);
    expect(await renewSession()).toBe("token");
    expect(session.get().status).toBe("signedIn");
    up = false;
    await vi.advanceTimersByTimeAsync(2100);
    expect(session.get().status).toBe("signedOut");
  });
});
