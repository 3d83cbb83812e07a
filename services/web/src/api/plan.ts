/** What the company's plan has, and which plan has the rest. The server refuses; this only says so beforehand. */
import { useQuery } from "@tanstack/react-query";
import { language } from "../i18n/index.ts";
import { api, ask } from "./client.ts";
import type { Plan } from "./types.ts";

/** What an admin's page can lack; the other features show nowhere before they are used. */
export type Feature = "api" | "skills" | "audit";

export function usePlans() {
  return useQuery({
    queryKey: ["plans"],
    queryFn: () => ask(api.GET("/v1/plans")),
    staleTime: 60_000,
  });
}

export function useEntitlements() {
  return useQuery({ queryKey: ["entitlements"], queryFn: () => ask(api.GET("/v1/entitlements")) });
}

/** Whether the plan held lacks it; undefined until that is known. */
export function useLocked(feature: Feature): boolean | undefined {
  const { data, isError } = useEntitlements();
  if (!data) return isError ? false : undefined;
  return !data.features?.includes(feature);
}

/** The lowest plan that has it. */
export function lowestWith(plans: readonly Plan[], feature: string): Plan | undefined {
  return [...plans]
    .sort((one, other) => (one.tier ?? 0) - (other.tier ?? 0))
    .find((plan) => plan.features?.includes(feature));
}

export function planName(plan: Plan | undefined): string {
  return plan?.names?.[language()] ?? plan?.names?.en ?? plan?.planId ?? "";
}
