/** What a role sees of the interface. The API decides what it may do; this only keeps closed doors out of sight. */
import type { Role } from "../api/types.ts";

export type Area = "desktop" | "watch" | "manage" | "billing" | "pay";

const AREAS: Partial<Record<Role, readonly Area[]>> = {
  ROLE_OWNER: ["desktop", "watch", "manage", "billing", "pay"],
  ROLE_ADMIN: ["desktop", "watch", "manage"],
  ROLE_SUPERVISOR: ["desktop", "watch"],
  ROLE_AGENT: ["desktop"],
  ROLE_PAYER: ["pay"],
};

export function mayEnter(role: Role | undefined, area: Area): boolean {
  return role !== undefined && (AREAS[role]?.includes(area) ?? false);
}

/** Where somebody lands after signing in. */
export function homeOf(role: Role | undefined): string {
  if (role === "ROLE_AGENT") return "/desktop";
  if (role === "ROLE_OPERATOR") return "/operator";
  if (role === "ROLE_PAYER") return "/admin/billing";
  return role === "ROLE_SUPERVISOR" ? "/wallboard" : "/home";
}
