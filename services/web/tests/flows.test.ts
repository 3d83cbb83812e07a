import { describe, expect, it } from "vitest";
import { kindOf, moveStep, newStep, renameStep, targetsOf } from "../src/pages/flows/steps.ts";

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

  it("moves a step without changing where calls go", () => {
    const steps = [{ stepId: "a" }, { stepId: "b" }, { stepId: "c" }];
    expect(moveStep(steps, 2, -1).map((step) => step.stepId)).toEqual(["a", "c", "b"]);
  });
});
