import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { Problem } from "../src/api/problem.ts";
import { activateLanguage, LANGUAGES, loadPageMessages } from "../src/i18n/index.ts";
import { saidOf, saidWithin, whereToLook } from "../src/pages/admin/rules/places.ts";

vi.mock("@fontsource-variable/vazirmatn", () => ({}));

const refused = (field: string, metadata: Record<string, string>) =>
  new Problem(
    400,
    "INVALID_INPUT",
    `${field} is wrong`,
    [{ field, description: "is wrong" }],
    undefined,
    metadata,
  );
const plain = (text: string | undefined) => text?.replace(/[\u2066-\u2069]/g, "");

describe("what the server has against a queue's rules", () => {
  beforeAll(async () => {
    vi.stubGlobal("document", { documentElement: {} });
    await loadPageMessages();
    await activateLanguage("en");
  });
  afterAll(() => vi.unstubAllGlobals());

  it("is said in the page's language at its field, and the note names the step and no path", async () => {
    const field = "queue.rules.steps[0].changes[1]";
    const problem = refused(field, { fault: "CHANGES_NOTHING" });
    for (const language of LANGUAGES) {
      await activateLanguage(language);
      const said = saidWithin(problem, "rules.steps[0].changes[1]");
      expect(said).not.toMatch(/is wrong|CHANGES_NOTHING/);
      expect(whereToLook(problem).detail).not.toMatch(/queue\.|is wrong|steps\[/);
    }
    await activateLanguage("en");
    expect(whereToLook(problem).detail).toBe("Look at: Skills and steps › Step 1 › Change 2.");
    await activateLanguage("fa");
    expect(saidWithin(problem, "rules.steps[0].changes[1]")).toMatch(/چیزی را تغییر نمی‌دهد/);
    expect(whereToLook(problem).detail).toMatch(/گام ۱/);
  });

  it("has its numbers and lengths written as the page writes them", async () => {
    await activateLanguage("en");
    const late = refused("queue.rules.steps[2].afterWait", { fault: "STEP_NOT_LATER", step: "2" });
    expect(saidOf(late, "rules.steps[2].after_wait")).toMatch(/later than step 2/);
    const long = { fault: "LENGTH", least_seconds: "0", most_seconds: "3600" };
    expect(saidOf(refused("queue.rules.preferredWait", long), "rules.preferred_wait")).toBe(
      "Must be 0 seconds to 1 hour.",
    );
    const gone = new Problem(
      404,
      "AGENT_NOT_FOUND",
      "queue.rules.levels[0].agent_ids[0] names an agent who does not exist",
      [],
      undefined,
      { fault: "AGENT_UNKNOWN" },
    );
    expect(saidWithin(gone, "rules.levels[0]")).toMatch(/not there any more/);
    expect(plain(whereToLook(gone).detail)).toMatch(/Level 1/);
  });

  it("is said at each of several fields, of the general ones and of callbacks too", async () => {
    const several = new Problem(
      400,
      "INVALID_INPUT",
      "",
      [
        { field: "queue.offerTimeout", description: "must be 5 to 120 seconds" },
        { field: "queue.wrapUpDuration", description: "must be 1 to 900 seconds" },
      ],
      undefined,
      {
        fault: "LENGTH",
        least_seconds: "5",
        most_seconds: "120",
        "fault[1]": "LENGTH",
        "least_seconds[1]": "1",
        "most_seconds[1]": "900",
      },
    );
    const attempts = refused("queue.callbacks.timeToLive", {
      fault: "LAST_ATTEMPT_LOST",
      over_seconds: "7200",
      attempt: "5",
    });
    await activateLanguage("en");
    expect(saidOf(several, "offer_timeout")).toBe("Must be 5 seconds to 2 minutes.");
    expect(saidOf(several, "wrap_up_duration")).toBe("Must be 1 second to 15 minutes.");
    expect(whereToLook(several).detail).toBe("Look at: General.");
    expect(saidOf(attempts, "callbacks.time_to_live")).toMatch(/longer than 2 hours: attempt 5/);
    for (const language of ["tr", "az", "fa"] as const) {
      await activateLanguage(language);
      for (const said of [
        saidOf(several, "wrap_up_duration"),
        saidOf(attempts, "callbacks.time_to_live"),
        whereToLook(attempts).detail,
      ])
        expect(said).not.toMatch(/[Mm]ust|seconds|queue\.|is wrong/);
    }
  });

  it("is said as the server says it where the page has no words for it", () => {
    expect(saidOf(refused("queue.rules.steps", { fault: "NEW" }), "rules.steps")).toBe("is wrong");
    const other = refused("queue.offerTimeout", {});
    expect(whereToLook(other)).toBe(other);
  });
});
