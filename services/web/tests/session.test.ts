/** A session that is over, or whose token has run out, while a call is up that must not be cut. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { adopt, lastForCall, renewSession, session } from "../src/session/session.ts";

const TOKEN = { accessToken: "token", user: { userId: "usr_1" } };

function signedIn(): void {
  adopt({ ...TOKEN, accessExpireTime: new Date(Date.now() + 60_000).toISOString() }, false);
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("navigator", {});
  vi.stubGlobal("location", { origin: "https://merkez.example" });
});

afterEach(() => {
  lastForCall(() => false);
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe.each([
  { status: 403, reason: "TENANT_SUSPENDED" },
  { status: 401, reason: "SESSION_ENDED" },
])("a session that the server ends with $reason", (refusal) => {
  beforeEach(() => {
    vi.stubGlobal("fetch", async () => Response.json(refusal, { status: refusal.status }));
    signedIn();
  });

  it("ends when nobody is on the phone", async () => {
    expect(await renewSession()).toBeUndefined();
    expect(session.get().status).toBe("signedOut");
  });

  it("lasts as long as a call is up, and ends at the next renewal after it", async () => {
    let up = true;
    lastForCall(() => up);
    expect(await renewSession()).toBe("token");
    await vi.advanceTimersByTimeAsync(30_000);
    expect(session.get().status).toBe("signedIn");
    up = false;
    await vi.advanceTimersByTimeAsync(5100);
    expect(session.get().status).toBe("signedOut");
  });
});

describe("a token that has run out while the page was away", () => {
  it("is renewed before the station is attached again, which the agent doesn't notice", async () => {
    const asked: string[] = [];
    vi.stubGlobal("fetch", async (input: Request | string) => {
      const path = new URL(typeof input === "string" ? input : input.url, "https://merkez.example").pathname;
      const token = typeof input === "string" ? "" : input.headers.get("Authorization");
      asked.push(`${path} ${token}`.trim());
      if (path === "/v1/sessions:refresh")
        return Response.json({ ...TOKEN, accessToken: "fresh", accessExpireTime: "2100-01-01T00:00:00Z" });
      if (token !== "Bearer fresh") return Response.json({ status: 401 }, { status: 401 });
      return Response.json({ sdpAnswer: await (input as Request).text() });
    });
    signedIn();
    const { authorizedFetch } = await import("../src/api/client.ts");
    const attach = new Request("https://merkez.example/v1/station:attach", { method: "POST", body: "offer" });
    expect(await (await authorizedFetch(attach)).json()).toEqual({ sdpAnswer: "offer" });
    expect(asked).toEqual([
      "/v1/station:attach Bearer token",
      "/v1/sessions:refresh",
      "/v1/station:attach Bearer fresh",
    ]);
  });
});
