/** What numbers are looked for by: kinds and what they carry. */
import type { NumberCapability, NumberType } from "../../../api/types.ts";
import { type Text, textOr } from "../../../i18n/index.ts";

export const TYPES: readonly NumberType[] = [
  "NUMBER_TYPE_LOCAL",
  "NUMBER_TYPE_MOBILE",
  "NUMBER_TYPE_NATIONAL",
  "NUMBER_TYPE_TOLL_FREE",
  "NUMBER_TYPE_SHARED_COST",
  "NUMBER_TYPE_PREMIUM",
];
export const CAPABILITIES: readonly NumberCapability[] = [
  "NUMBER_CAPABILITY_VOICE",
  "NUMBER_CAPABILITY_SMS",
  "NUMBER_CAPABILITY_FAX",
];

export function typeName(type: NumberType | undefined): string {
  return textOr("numberType", (type ?? "").replace("NUMBER_TYPE_", ""));
}

export function typeOptions() {
  return TYPES.map((value) => ({ value, label: typeName(value) }));
}

export function capabilityName(capability: NumberCapability): string {
  return textOr("numberCapability", capability.replace("NUMBER_CAPABILITY_", ""));
}

export function capabilityOptions() {
  return CAPABILITIES.map((value) => ({ value, label: capabilityName(value) }));
}

/** What a number carries, in one line. */
export function carries(capabilities: readonly NumberCapability[] | undefined, t: Text): string {
  return capabilities?.length ? capabilities.map(capabilityName).join(", ") : t("numberSearch.unknown");
}
