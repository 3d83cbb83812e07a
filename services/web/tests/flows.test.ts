import { describe, expect, it } from "vitest";
import {
  kindOf,
  mailboxOf,
  moveStep,
  newStep,
  ownedBy,
  renameStep,
  sentTo,
  targetsOf,
  transferTargetOf,
} from "../src/pages/flows/steps.ts";

describe("flow steps", () => {
  it("gives a new step an id no other step has", () => {
    const first = newStep("menu", []);
    expect([first.stepId, newStep("menu", [first]).stepId]).toEqual(["menu", "menu_2"]);
    expect(kindOf(first)).toBe("menu");
  });

  it("renames a step together with everything that leads to it", () => {
    const menu = {
      stepId: "menu",
      menu: { utterance: {}, choices: [{ digit: "1", next: "queue" }], noMatch: "queue" },
    };
    const queue = newStep("queue", []);
    const renamed = renameStep({ start: "queue", steps: [menu, queue] }, "queue", "front_desk");
    expect(renamed.start).toBe("front_desk");
    expect(targetsOf(renamed.steps?.[0] ?? {})).toEqual(["front_desk", "front_desk"]);
  });

  it("follows a renamed step out of transfers and messages", () => {
    const transfer = { stepId: "a", transfer: { number: "+994501234567", next: "x", failed: "x" } };
    const voicemail = { stepId: "b", voicemail: { queueId: "que_1", next: "x" } };
    const renamed = renameStep({ steps: [transfer, voicemail] }, "x", "y").steps ?? [];
    expect(renamed.map(targetsOf)).toEqual([["y", "y"], ["y"]]);
  });

  it("leads a transfer to one place, whichever was chosen before", () => {
    const chosen = { ...newStep("transfer", []).transfer, queueId: "que_1", failed: "sorry" };
    expect(transferTargetOf(chosen)).toBe("queueId");
    const changed = { ...chosen, ...sentTo("number") };
    expect(transferTargetOf(changed)).toBe("number");
    expect(JSON.parse(JSON.stringify(changed))).toEqual({ number: "", failed: "sorry" });
  });

  it("keeps a message in one mailbox", () => {
    const chosen = { ...newStep("voicemail", []).voicemail, queueId: "que_1" };
    expect(mailboxOf(chosen)).toBe("queueId");
    expect(mailboxOf({ ...chosen, ...ownedBy("agentId") })).toBe("agentId");
  });

  it("follows a renamed step out of shares and conditions, and leaves languages alone", () => {
    const split = { stepId: "a", split: { shares: [{ name: "A", percent: 100, next: "x" }] } };
    const test = { stepId: "b", test: { branches: [{ condition: "true", next: "x" }], otherwise: "x" } };
    const language = {
      stepId: "c",
      chooseLanguage: { choices: [{ digit: "1", language: "en" }], next: "x" },
    };
    const renamed = renameStep({ steps: [split, test, language] }, "x", "y").steps ?? [];
    expect(renamed.map(targetsOf)).toEqual([["y"], ["y", "y"], ["y"]]);
    expect(renamed[2]?.chooseLanguage?.choices).toEqual([{ digit: "1", language: "en" }]);
  });

  it("moves a step without changing where calls go", () => {
    const steps = [{ stepId: "a" }, { stepId: "b" }, { stepId: "c" }];
    expect(moveStep(steps, 2, -1).map((step) => step.stepId)).toEqual(["a", "c", "b"]);
  });
});
