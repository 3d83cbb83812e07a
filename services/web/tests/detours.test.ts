import { describe, expect, it } from "vitest";
import type { Step } from "../src/api/types.ts";
import { detourOf } from "../src/pages/flows/canvas/detours.ts";
import { edgesOf } from "../src/pages/flows/canvas/nodes.ts";
import { placesOf } from "../src/pages/flows/canvas/places.ts";

const box = (left: number, top: number) => ({ left, right: left + 200, top, bottom: top + 100 });
const source = { x: 0, y: 50 };
const target = { x: 1000, y: 50 };

describe("a line between two steps", () => {
  it("goes straight where nothing stands between them", () => {
    expect(detourOf(source, target, [box(300, 200), box(-300, 0), box(1100, 0)], 0)).toBeUndefined();
  });

  it("goes round what stands there on the shorter side, off its corners", () => {
    expect(detourOf(source, target, [box(300, 20)], 0)).toEqual({ from: 280, to: 520, y: 0 });
    expect(detourOf(source, target, [box(300, -30)], 0)).toEqual({ from: 280, to: 520, y: 90 });
  });

  it("goes round what it would meet on its way round", () => {
    const detour = detourOf(source, target, [box(300, 20), box(450, -90)], 0);
    expect(detour).toEqual({ from: 280, to: 670, y: 140 });
  });

  it("runs beside another that goes the same way round, not upon it", () => {
    expect(detourOf(source, target, [box(300, 20)], 1)?.y).toBe(-6);
  });

  it("that leads back is left as it is", () => {
    expect(detourOf(target, source, [box(300, 20)], 0)).toBeUndefined();
  });

  it("is worked out from where the steps stand", () => {
    const say = (stepId: string, next: string): Step => ({ stepId, say: { utterance: {}, next } });
    const hours: Step = { stepId: "hours", hours: { businessHoursId: "", open: "a", closed: "end" } };
    const definition = { start: "hours", steps: [hours, say("a", "end"), { stepId: "end", hangUp: {} }] };
    const layout = { hours: { x: 0, y: 0 }, a: { x: 320, y: 0 }, end: { x: 640, y: 0 } };
    const lines = edgesOf(definition, {
      places: placesOf(definition, layout),
      rtl: false,
      describe: () => "",
    });
    expect(lines.map((line) => [line.id, line.type])).toEqual([
      [":start/next", "default"],
      ["hours/open", "default"],
      ["hours/closed", "detour"],
      ["a/next", "default"],
    ]);
  });
});
