/** What a price may say, by its model and its meter; the server knows the same and checks it. */
import type { Rate, RateModel } from "../../../api/types.ts";

export const MODELS = [
  "RATE_MODEL_STANDARD",
  "RATE_MODEL_GRADUATED",
  "RATE_MODEL_VOLUME",
  "RATE_MODEL_PACKAGE",
  "RATE_MODEL_PERCENTAGE",
  "RATE_MODEL_GRADUATED_PERCENTAGE",
  "RATE_MODEL_DECK",
] as const satisfies readonly RateModel[];
export const TIERED: readonly RateModel[] = [
  "RATE_MODEL_GRADUATED",
  "RATE_MODEL_VOLUME",
  "RATE_MODEL_GRADUATED_PERCENTAGE",
];
export const PERCENTAGES: readonly RateModel[] = ["RATE_MODEL_PERCENTAGE", "RATE_MODEL_GRADUATED_PERCENTAGE"];
/** What is held for a time, and can be charged before it. */
const LASTING: readonly string[] = ["seat_month", "number_month", "recording_storage_gb_month"];
/** What a price of a meter is for, where its name doesn't end with it. */
const UNITS: Readonly<Record<string, string>> = {
  recording_storage_gb_month: "gb_month",
  seat_concurrent: "seat",
  seat_active: "seat",
  seat_hour: "hour",
  message: "message",
  call_over_limit: "call",
  api_request_over_limit: "request",
  carrier_cost: "amount",
};

/** A meter a price may be of; `label` is the operators' own name of one they defined. */
export interface MeterChoice {
  meter: string;
  unit: string;
  label?: string | undefined;
}

interface OwnMeter {
  meter?: string;
  unit?: string;
  names?: Record<string, string>;
  archived?: boolean;
  builtIn?: boolean;
}

/** Every meter there is: those of every installation, then those that operators defined and that still count. */
export function meterChoices(
  builtIn: readonly string[],
  own: readonly OwnMeter[],
  language: string,
): MeterChoice[] {
  const mine = own.filter((each) => !each.builtIn && !each.archived && !builtIn.includes(each.meter ?? ""));
  return [
    ...builtIn.map((meter) => ({ meter, unit: unitOf(meter) })),
    ...mine.map(({ meter = "", unit = "", names }) => ({
      meter,
      unit,
      label: names?.[language] ?? names?.en ?? meter,
    })),
  ];
}

export function lasts(meter: string | undefined): boolean {
  return LASTING.includes(meter ?? "");
}

export function isCall(meter: string | undefined): boolean {
  return /^voice_\w+_minute$/.test(meter ?? "");
}

function unitOf(meter: string): string {
  return UNITS[meter] ?? (meter.endsWith("_minute") ? "minute" : "month");
}

/** The rate of another meter, without what only the one before could have. */
export function withMeter(rate: Rate, { meter, unit }: MeterChoice): Rate {
  const call = isCall(meter);
  return {
    ...rate,
    meter,
    unit,
    firstIncrementSeconds: call ? rate.firstIncrementSeconds : 0,
    nextIncrementSeconds: call ? rate.nextIncrementSeconds : 0,
    timing: lasts(meter) ? rate.timing : "RATE_TIMING_ARREARS",
  };
}

/** The rate under another model, without what only the one before had. */
export function withModel(rate: Rate, model: RateModel): Rate {
  const {
    price,
    tiers,
    packageSize,
    percent,
    rateDeckId,
    freeRecords,
    recordMinimum,
    recordMaximum,
    flatFeeAtZero,
    ...kept
  } = rate;
  const priced = model === "RATE_MODEL_STANDARD" || model === "RATE_MODEL_PACKAGE";
  const share = model === "RATE_MODEL_GRADUATED_PERCENTAGE";
  const tiersOf = (tiers?.length ? tiers : [{}]).map((tier) =>
    share ? { ...tier, unitPrice: undefined, packageSize: undefined } : { ...tier, percent: undefined },
  );
  return {
    ...kept,
    model,
    price: priced ? price : undefined,
    packageSize: model === "RATE_MODEL_PACKAGE" ? packageSize : undefined,
    percent: model === "RATE_MODEL_PERCENTAGE" ? percent : undefined,
    rateDeckId: model === "RATE_MODEL_DECK" ? rateDeckId : undefined,
    tiers: TIERED.includes(model) ? tiersOf : [],
    ...(TIERED.includes(model) && { flatFeeAtZero }),
    ...(PERCENTAGES.includes(model) && { freeRecords, recordMinimum, recordMaximum }),
  };
}

/** Whether a rate says something of what most prices leave as it is. */
export function hasMore(rate: Rate): boolean {
  const amounts = [rate.minimum, rate.maximum, rate.recordFee, rate.recordMinimum, rate.recordMaximum];
  return (
    amounts.some(Boolean) ||
    Boolean(rate.freeRecords || rate.includedPerMeter || rate.flatFeeAtZero) ||
    rate.timing === "RATE_TIMING_ADVANCE" ||
    Object.keys(rate.properties ?? {}).length > 0
  );
}
