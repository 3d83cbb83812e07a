/** What is drawn of a recording: parts of a call in order, lanes of its legs. */
import { expect, test } from "vitest";
import type { Recording } from "../src/api/types.ts";
import { lanesOf, partsOf } from "../src/pages/watch/lanes.ts";

function recording(startTime: string, fields: Partial<Recording> = {}): Recording {
  return { recordingId: startTime, startTime, duration: "60s", kind: "RECORDING_KIND_CALL", ...fields };
}

test("the parts of a call come in order with what is missing between them, and messages are none", () => {
  const parts = partsOf([
    recording("2026-03-02T09:05:00Z"),
    recording("2026-03-02T09:01:04.500Z"),
    recording("2026-03-02T09:00:00Z"),
    recording("2026-03-02T09:02:00Z", { kind: "RECORDING_KIND_VOICEMAIL" }),
  ]);
  expect(parts.map((part) => [part.recording.recordingId, part.missing])).toEqual([
    ["2026-03-02T09:00:00Z", 0],
    ["2026-03-02T09:01:04.500Z", 4.5],
    ["2026-03-02T09:05:00Z", 175.5],
  ]);
});

test("parts that overlap by a clock's difference miss nothing", () => {
  const parts = partsOf([recording("2026-03-02T09:00:00Z"), recording("2026-03-02T09:00:59.900Z")]);
  expect(parts.map((part) => part.missing)).toEqual([0, 0]);
});

test("a lane is as long as its leg was there, with its gaps and how much it spoke", () => {
  const activity = btoa(
    String.fromCharCode(...Array.from({ length: 240 }, (_, at) => (at >= 60 && at < 120 ? 255 : 0))),
  );
  const [lane, unknown] = lanesOf({
    duration: "60s",
    tracks: [
      { track: "leg_a", party: "agent", agentId: "usr_a", startOffset: "15s", endOffset: "45s", activity },
      { track: "leg_b", party: "customer" },
    ],
    gaps: [
      { track: "leg_a", startOffset: "30s", duration: "6s" },
      { track: "leg_c", startOffset: "0s", duration: "60s" },
    ],
  });
  expect(lane?.present).toEqual({ from: 0.25, to: 0.75 });
  expect(lane?.gaps).toEqual([{ from: 0.5, to: 0.6 }]);
  expect(lane?.spoke).toBeCloseTo(0.5);
  expect(unknown?.present).toEqual({ from: 0, to: 1 });
  expect(unknown?.spoke).toBeUndefined();
});

test("a recording that is still being made has no lanes", () => {
  expect(lanesOf({ tracks: [{ track: "leg_a", party: "agent" }] })).toEqual([]);
});
