import { describe, expect, it } from "vitest";
import type { Definition, Step } from "../src/api/types.ts";
import {
  addStep,
  connect,
  drawable,
  duplicate,
  exitsOf,
  linesOf,
  reachable,
  reconnect,
  removeAt,
  removeSteps,
  START,
} from "../src/pages/flows/canvas/graph.ts";
import { broughtTo, nodesOf } from "../src/pages/flows/canvas/nodes.ts";
import { freePlace, heightOf, mirrored, nearest, placesOf, WIDTH } from "../src/pages/flows/canvas/places.ts";
import { summaryOf } from "../src/pages/flows/canvas/summaries.ts";

const menu: Step = {
  stepId: "menu",
  menu: {
    utterance: { text: { en: "Sales or service?" } },
    choices: [
      { digit: "1", value: "sales", next: "sales" },
      { digit: "2", value: "service", next: "" },
    ],
    noMatch: "bye",
  },
};
const sales: Step = { stepId: "sales", queue: { queueId: "que_1", timedOut: "bye" } };
const bye: Step = { stepId: "bye", hangUp: {} };
const flow: Definition = { start: "menu", language: "en", steps: [menu, sales, bye] };
const targets = (definition: Definition, id: string) =>
  Object.fromEntries(
    exitsOf(definition.steps?.find((step) => step.stepId === id) ?? {}).map((exit) => [exit.id, exit.target]),
  );

describe("a flow as a graph", () => {
  it("has an exit for every share and condition, and of a queue's rarer ones those that lead somewhere", () => {
    const split: Step = { stepId: "s", split: { shares: [{ name: "New", percent: 30, next: "t" }] } };
    const test: Step = {
      stepId: "t",
      test: { branches: [{ condition: "tier == 'gold'", next: "q" }], otherwise: "" },
    };
    const queue: Step = {
      stepId: "q",
      queue: { queueId: "que_1", timedOut: "", noMatch: "s", noAnswer: "" },
    };
    expect(exitsOf(split)).toEqual([{ id: "choice.0", target: "t", digit: "30%", meaning: "New" }]);
    expect(exitsOf(test).map((exit) => [exit.id, exit.target, exit.meaning])).toEqual([
      ["choice.0", "q", "tier == 'gold'"],
      ["otherwise", "", undefined],
    ]);
    expect(exitsOf(queue).map((exit) => exit.id)).toEqual(["timedOut", "noMatch", "afterAgent"]);
    const moved = connect({ steps: [split, test, queue] }, "t", "choice.0", "s");
    expect(targets(moved, "t")).toEqual({ "choice.0": "s", otherwise: "" });
    expect(moved.steps?.[1]?.test?.branches?.[0]?.condition).toBe("tier == 'gold'");
  });

  it("has a line for every exit that leads to a step, the one a call comes in by first", () => {
    expect(linesOf(flow)).toEqual([
      { from: START, exit: "next", to: "menu" },
      { from: "menu", exit: "choice.0", to: "sales" },
      { from: "menu", exit: "noMatch", to: "bye" },
      { from: "sales", exit: "timedOut", to: "bye" },
    ]);
  });

  it("draws no line to a step that isn't there", () => {
    const definition = { start: "gone", steps: [{ stepId: "say", say: { utterance: {}, next: "gone" } }] };
    expect(linesOf(definition)).toEqual([]);
  });

  it("names a menu's exits by digit and meaning, and other exits by what has to happen", () => {
    expect(exitsOf(menu).map((exit) => exit.label ?? `${exit.digit} ${exit.meaning}`)).toEqual([
      "1 sales",
      "2 service",
      "flows.noMatch",
    ]);
    expect(exitsOf({ stepId: "t", transfer: { number: "" } }).map((exit) => exit.label)).toEqual([
      "flows.afterTalk",
      "flows.notTaken",
    ]);
  });

  it("comes back from outside numbers only", () => {
    expect(exitsOf({ stepId: "t", transfer: { queueId: "que_1" } }).map((exit) => exit.id)).toEqual([
      "failed",
    ]);
  });

  it("tells the steps no call gets to, whatever circles there are", () => {
    const loop: Step = { stepId: "loop", say: { utterance: {}, next: "loop" } };
    expect(reachable({ ...flow, steps: [...(flow.steps ?? []), loop] })).toEqual(
      new Set(["menu", "bye", "sales"]),
    );
  });

  it("draws one of two steps with the same id", () => {
    expect(drawable({ steps: [bye, { ...bye, displayName: "Again" }, { stepId: "" }] })).toEqual([bye]);
  });
});

describe("a line drawn by hand", () => {
  it("changes the field that its exit stands for, and no other", () => {
    const joined = connect(flow, "menu", "choice.1", "bye");
    expect(targets(joined, "menu")).toEqual({ "choice.0": "sales", "choice.1": "bye", noMatch: "bye" });
    expect(joined.steps?.[0]?.menu?.choices?.[1]).toEqual({ digit: "2", value: "service", next: "bye" });
    expect(joined.steps?.[1]).toBe(sales);
    expect(targets(connect(flow, "sales", "timedOut", "menu"), "sales")).toEqual({
      timedOut: "menu",
      afterAgent: "",
    });
    expect(targets(connect(flow, "sales", "afterAgent", "menu"), "sales").afterAgent).toBe("menu");
  });

  it("from the start says which step a call begins with", () => {
    expect(connect(flow, START, "next", "bye").start).toBe("bye");
  });

  it("whose beginning is taken elsewhere leaves the exit it began at", () => {
    const line = { from: "menu", exit: "noMatch", to: "bye" };
    const taken = reconnect(flow, line, { from: "menu", exit: "choice.1", to: "bye" });
    expect(targets(taken, "menu")).toEqual({ "choice.0": "sales", "choice.1": "bye", noMatch: "" });
    expect(targets(reconnect(flow, line, { ...line, to: "sales" }), "menu").noMatch).toBe("sales");
  });
});

describe("steps changed by hand", () => {
  it("are where calls begin when they are the first", () => {
    const first = addStep({ start: "", steps: [] }, "say");
    expect(first.definition.start).toBe("say");
    expect(addStep(first.definition, "say")).toMatchObject({ stepId: "say_2", definition: { start: "say" } });
  });

  it("go with the lines that led to them", () => {
    const left = removeSteps(flow, ["bye"]);
    expect(targets(left, "menu").noMatch).toBe("");
    expect(targets(left, "sales").timedOut).toBe("");
    expect(removeSteps(flow, ["menu"]).start).toBe("");
  });

  it("go one by one where two have the same id, and the lines stay with the other", () => {
    const left = removeAt({ ...flow, steps: [...(flow.steps ?? []), { ...bye }] }, 3);
    expect(left.steps).toEqual(flow.steps);
  });

  it("are doubled together with the lines among them", () => {
    const { definition, copies } = duplicate(flow, ["menu", "sales"]);
    expect([...copies]).toEqual([
      ["menu", "menu_2"],
      ["sales", "sales_2"],
    ]);
    expect(definition.steps?.map((step) => step.stepId)).toEqual([
      "menu",
      "sales",
      "menu_2",
      "sales_2",
      "bye",
    ]);
    expect(targets(definition, "menu_2")).toEqual({ "choice.0": "sales_2", "choice.1": "", noMatch: "bye" });
    expect(targets(definition, "menu")).toEqual(targets(flow, "menu"));
  });
});

describe("places on the canvas", () => {
  const covers = (places: ReadonlyMap<string, { x: number; y: number }>, steps: readonly Step[]) =>
    steps.some((one, at) =>
      steps.slice(at + 1).some((other) => {
        const here = places.get(one.stepId ?? "");
        const there = places.get(other.stepId ?? "");
        if (!here || !there || Math.abs(here.x - there.x) >= WIDTH) return false;
        return here.y < there.y + heightOf(other) && there.y < here.y + heightOf(one);
      }),
    );

  it("go the way calls go, from left to right, and none covers another", () => {
    const places = placesOf(flow, {});
    const x = (id: string) => places.get(id)?.x ?? Number.NaN;
    expect(x(START)).toBeLessThan(x("menu"));
    expect(x("menu")).toBeLessThan(x("sales"));
    expect(x("sales")).toBeLessThan(x("bye"));
    expect(covers(places, flow.steps ?? [])).toBe(false);
  });

  it("that were chosen are kept, and a step without one stands after the step that leads to it", () => {
    const places = placesOf(flow, { menu: { x: 80, y: 40 }, bye: { x: 80 + WIDTH + 72, y: 40 } });
    expect(places.get("menu")).toEqual({ x: 80, y: 40 });
    expect(places.get("sales")?.x).toBe(80 + WIDTH + 72);
    expect(covers(places, flow.steps ?? [])).toBe(false);
  });

  it("of steps nothing leads to are below all others", () => {
    const lost = { stepId: "lost", hangUp: {} };
    const places = placesOf({ ...flow, steps: [...(flow.steps ?? []), lost] }, { menu: { x: 0, y: 0 } });
    expect(places.get("lost")?.y).toBeGreaterThan(heightOf(menu));
  });

  it("give way to what stands there", () => {
    const places = new Map([["bye", { x: 0, y: 0 }]]);
    expect(freePlace({ x: 3, y: 10 }, sales, [bye, sales], places).y).toBeGreaterThan(heightOf(bye));
    expect(freePlace({ x: 300, y: 10 }, sales, [bye, sales], places)).toEqual({ x: 304, y: 8 });
  });

  it("are mirrored for those who read from right to left, there and back", () => {
    expect(mirrored({ x: 80, y: 40 }, WIDTH)).toEqual({ x: -80 - WIDTH, y: 40 });
    expect(mirrored(mirrored({ x: 80, y: 40 }, WIDTH), WIDTH)).toEqual({ x: 80, y: 40 });
  });

  it("are gone through by arrows, straight ahead first", () => {
    const places = new Map([
      ["a", { x: 0, y: 0 }],
      ["b", { x: 300, y: 200 }],
      ["c", { x: 400, y: 0 }],
    ]);
    expect(nearest("a", "ArrowRight", places)).toBe("c");
    expect(nearest("a", "ArrowDown", places)).toBe("b");
    expect(nearest("a", "ArrowLeft", places)).toBeUndefined();
  });

  it("of three hundred steps are found within a second", () => {
    const steps = Array.from(
      { length: 300 },
      (_, at): Step => ({
        stepId: `m${at}`,
        menu: {
          utterance: {},
          choices: [1, 2, 3].map((way) => ({ digit: String(way), value: "", next: `m${at * 3 + way}` })),
        },
      }),
    );
    const began = performance.now();
    expect(placesOf({ start: "m0", steps }, {}).size).toBe(301);
    expect(performance.now() - began).toBeLessThan(3000);
  });
});

describe("what is drawn", () => {
  const seen = {
    definition: flow,
    places: placesOf(flow, {}),
    problems: [],
    names: new Map([["que_1", "Sales desk"]]),
    highlighted: undefined,
    rtl: false,
    describe: () => "",
    attributes: {},
  };

  it("stays the same object where nothing changed, so that it is not drawn again", () => {
    const drawn = nodesOf(seen);
    const changed = { ...flow, steps: [menu, { ...sales, displayName: "Sales" }, bye] };
    const next = broughtTo(drawn, nodesOf({ ...seen, definition: changed }));
    expect(next.map((node, at) => node === drawn[at])).toEqual([true, true, false, true]);
  });

  it("stays under the hand that drags it", () => {
    const drawn = nodesOf(seen).map((node) => ({ ...node, dragging: true, position: { x: 1, y: 2 } }));
    expect(broughtTo(drawn, nodesOf({ ...seen, highlighted: "bye" }))[3]).toMatchObject({
      position: { x: 1, y: 2 },
      data: { lit: true },
    });
  });

  it("says in one line what a step does", () => {
    expect(summaryOf(menu, "en", seen.names)).toBe("Sales or service?");
    expect(summaryOf(menu, "fa", seen.names)).toBe("Sales or service?");
    expect(summaryOf(sales, "en", seen.names)).toBe("Sales desk");
    expect(
      summaryOf({ stepId: "s", setAttribute: { attribute: "vip", value: "yes" } }, "en", seen.names),
    ).toBe("vip = yes");
  });
});
