import { describe, expect, it } from "vitest";
import type { Rate } from "../src/api/types.ts";
import {
  hasMore,
  isCall,
  lasts,
  meterChoices,
  withMeter,
  withModel,
} from "../src/pages/operator/plans/rates.ts";

const OWN = [
  { meter: "sms_part", unit: "part", names: { en: "SMS parts", tr: "SMS parçaları" } },
  { meter: "old", unit: "thing", archived: true },
  { meter: "seat_month", unit: "month", builtIn: true },
  { meter: "nameless", unit: "thing" },
];

describe("a plan's prices", () => {
  it("may be of every meter there is, also of those that operators defined", () => {
    const found = meterChoices(["seat_month", "voice_inbound_minute"], OWN, "tr");
    expect(found.map((each) => [each.meter, each.unit, each.label])).toEqual([
      ["seat_month", "month", undefined],
      ["voice_inbound_minute", "minute", undefined],
      ["sms_part", "part", "SMS parçaları"],
      ["nameless", "thing", "nameless"],
    ]);
  });

  it("keep increments for calls alone, and are charged ahead only of what lasts", () => {
    const call: Rate = { meter: "voice_inbound_minute", firstIncrementSeconds: 60, nextIncrementSeconds: 6 };
    expect(withMeter(call, { meter: "voice_outbound_minute", unit: "minute" }).firstIncrementSeconds).toBe(
      60,
    );
    expect(withMeter(call, { meter: "own_minute", unit: "minute" }).firstIncrementSeconds).toBe(0);
    const seat: Rate = { meter: "seat_month", timing: "RATE_TIMING_ADVANCE" };
    expect(withMeter(seat, { meter: "number_month", unit: "month" }).timing).toBe("RATE_TIMING_ADVANCE");
    expect(withMeter(seat, { meter: "seat_active", unit: "seat" }).timing).toBe("RATE_TIMING_ARREARS");
    expect([isCall("own_minute"), lasts("seat_concurrent")]).toEqual([false, false]);
  });

  it("leave behind what only the model before had", () => {
    const tiers = [
      { upTo: "5", unitPrice: { amount: "1" }, packageSize: "10", flatFee: { amount: "2" } },
      {},
    ];
    const volume: Rate = { model: "RATE_MODEL_VOLUME", tiers, flatFeeAtZero: true, includedUnits: "3" };
    const share = withModel(volume, "RATE_MODEL_GRADUATED_PERCENTAGE");
    expect(share.tiers?.[0]).toMatchObject({ upTo: "5", flatFee: { amount: "2" } });
    expect([share.tiers?.[0]?.unitPrice, share.tiers?.[0]?.packageSize]).toEqual([undefined, undefined]);
    expect([share.flatFeeAtZero, share.includedUnits]).toEqual([true, "3"]);
    const standard = withModel(
      { ...share, freeRecords: 2, recordMinimum: { amount: "1" } },
      "RATE_MODEL_STANDARD",
    );
    expect([standard.tiers, standard.freeRecords, standard.recordMinimum, standard.flatFeeAtZero]).toEqual([
      [],
      undefined,
      undefined,
      undefined,
    ]);
  });

  it("open what they say beyond a price", () => {
    expect([{}, { timing: "RATE_TIMING_ARREARS" } as Rate].map(hasMore)).toEqual([false, false]);
    const more: Rate[] = [
      { includedPerMeter: "seat_month" },
      { flatFeeAtZero: true },
      { timing: "RATE_TIMING_ADVANCE" },
      { minimum: { amount: "5" } },
    ];
    expect(more.map(hasMore)).toEqual([true, true, true, true]);
  });
});
