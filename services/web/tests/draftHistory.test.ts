import { describe, expect, it } from "vitest";
import type { Definition } from "../src/api/types.ts";
import { begun, changed, type Draft, redone, same, undone } from "../src/pages/flows/canvas/history.ts";
import { renameStep } from "../src/pages/flows/steps.ts";

const definition: Definition = {
  start: "hello",
  steps: [
    { stepId: "hello", displayName: "Hello", say: { utterance: { text: { en: "Hello" } }, next: "bye" } },
    { stepId: "bye", displayName: "", hangUp: {} },
  ],
};
const first: Draft = { name: "Main", definition, layout: { hello: { x: 0, y: 0 } } };

const named = (draft: Draft, displayName: string): Draft => {
  const [hello, ...rest] = draft.definition.steps ?? [];
  return { ...draft, definition: { ...draft.definition, steps: [{ ...hello, displayName }, ...rest] } };
};
const names = (draft: Draft) => draft.definition.steps?.map((step) => step.displayName);

describe("undo", () => {
  it("takes one change back at a time, and redo brings it again", () => {
    const ended = { ...first, definition: { ...definition, start: "bye" } };
    const history = changed(
      changed(begun(first), { ...first, name: "Night" }, 0),
      { ...ended, name: "Night" },
      5000,
    );
    const back = undone(history);
    expect([back.present.name, back.present.definition.start]).toEqual(["Night", "hello"]);
    expect(undone(back).present).toEqual(first);
    expect(undone(undone(undone(back))).present).toEqual(first);
    expect(redone(redone(undone(back))).present).toEqual(history.present);
  });

  it("takes what is typed in one field back as one change, until a pause", () => {
    let history = begun(first);
    for (const [at, text] of ["A", "An", "And"].entries())
      history = changed(history, named(history.present, text), at * 200);
    history = changed(history, named(history.present, "Andy"), 9000);
    expect(names(undone(history).present)).toEqual(["And", ""]);
    expect(names(undone(undone(history)).present)).toEqual(["Hello", ""]);
  });

  it("tells changes of two steps apart, however quick", () => {
    const history = changed(begun(first), named(first, "A"), 0);
    const [hello, bye] = history.present.definition.steps ?? [];
    const both = { ...definition, steps: [{ ...hello }, { ...bye, displayName: "B" }] };
    const next = changed(history, { ...history.present, definition: both }, 100);
    expect(names(undone(next).present)).toEqual(["A", ""]);
  });

  it("tells two lines drawn one after the other apart", () => {
    const led = (next: string) => ({
      ...first,
      definition: {
        ...definition,
        steps: [
          { stepId: "hello", say: { next } },
          { stepId: "bye", hangUp: {} },
        ],
      },
    });
    const history = changed(changed(begun(first), led("hello") as Draft, 0), led("") as Draft, 100);
    expect(undone(history).present).toEqual(led("hello"));
  });

  it("forgets what was undone once something else is done", () => {
    const history = changed(undone(changed(begun(first), named(first, "A"), 0)), named(first, "B"), 10);
    expect(redone(history)).toBe(history);
  });

  it("counts nothing that changes nothing", () => {
    const history = begun(first);
    expect(changed(history, structuredClone(first), 0)).toBe(history);
  });
});

describe("places of a draft", () => {
  it("follow a step that gets another id, and go with a step that goes", () => {
    const renamed = { ...first, definition: renameStep(definition, "hello", "welcome") };
    const history = changed(begun(first), renamed, 0);
    expect(history.present.layout).toEqual({ welcome: { x: 0, y: 0 } });
    const left = {
      ...history.present,
      definition: { ...definition, steps: definition.steps?.slice(1) ?? [] },
    };
    expect(changed(history, left, 5000).present.layout).toEqual({});
  });
});

describe("two drafts", () => {
  it("are the same whatever order their fields came in, and whether nothing is written as undefined", () => {
    expect(same({ a: 1, b: { c: [1, 2] } }, { b: { c: [1, 2], d: undefined }, a: 1 })).toBe(true);
    expect(same({ a: [1] }, { a: { 0: 1 } })).toBe(false);
    expect(same({ a: [1, 2] }, { a: [1] })).toBe(false);
  });
});
