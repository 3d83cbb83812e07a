import { afterEach, describe, expect, it, vi } from "vitest";

const sent: { method: string; body: unknown }[] = [];
const answers: { status: number; body: unknown }[] = [];
vi.mock("../src/api/client.ts", async () => {
  const { problemFrom } = await import("../src/api/problem.ts");
  const answer = (method: string) => (_: string, asked: { body?: unknown }) => {
    sent.push({ method, body: asked.body });
    return answers.shift();
  };
  return {
    api: { GET: answer("GET"), PATCH: answer("PATCH") },
    ask: async (given: { status: number; body: unknown }) => {
      if (given.status >= 400) throw problemFrom(given.status, given.body);
      return given.body;
    },
  };
});

const { changeContact, differing, Overtaken } = await import("../src/pages/watch/why/change.ts");

afterEach(() => {
  sent.length = answers.length = 0;
});

const seen = { contactId: "con_1", version: "4", priority: 1 };
const CONFLICT = { status: 409, body: { reason: "VERSION_CONFLICT" } };

describe("a change of a contact that waits", () => {
  it("names the fields that differ, unset and nothing being one", () => {
    expect(differing({}, { priority: 0, requiredSkills: [], preferredAgentId: "" })).toEqual([]);
    expect(differing(seen, { priority: 2, preferredAgentId: "usr_1" })).toEqual([
      "priority",
      "preferredAgentId",
    ]);
  });

  it("is made on the version that was seen", async () => {
    answers.push({ status: 200, body: { ...seen, priority: 5, version: "5" } });
    expect((await changeContact(seen, { priority: 5 }, ["priority"])).priority).toBe(5);
    expect(sent[0]?.body).toEqual({
      contact: { contactId: "con_1", priority: 5 },
      updateMask: "priority",
      version: "4",
    });
  });

  it("is made all the same when only something else of it moved on", async () => {
    const now = { ...seen, version: "6", offerCount: 1 };
    answers.push(CONFLICT, { status: 200, body: now }, { status: 200, body: { ...now, priority: 5 } });
    await changeContact(seen, { priority: 5 }, ["priority"]);
    expect(sent.map(({ method }) => method)).toEqual(["PATCH", "GET", "PATCH"]);
    expect(sent[2]?.body).toMatchObject({ version: "6" });
  });

  it("is not made over what somebody else has just changed", async () => {
    answers.push(CONFLICT, { status: 200, body: { ...seen, version: "6", priority: 7 } });
    await expect(changeContact(seen, { priority: 5 }, ["priority"])).rejects.toBeInstanceOf(Overtaken);
    expect(sent).toHaveLength(2);
  });

  it("fails as the server says otherwise", async () => {
    answers.push({ status: 412, body: { reason: "CONTACT_STATE_CHANGED" } });
    await expect(changeContact(seen, { priority: 5 }, ["priority"])).rejects.toMatchObject({
      reason: "CONTACT_STATE_CHANGED",
    });
  });
});
