/** What was entered and what came of it: both outlive the page, but not the session. */
import { api, ask } from "../../../api/client.ts";
import type { SimulateDayRequest, SimulateDayResponse } from "../../../api/types.ts";
import { createStore } from "../../../store.ts";
import { emptyPlan, type Plan } from "./plan.ts";

interface Sheet {
  /** Whose it is: another person at the same browser begins anew. */
  userId: string;
  plan: Plan;
  /** When the play that runs began, in ms since the epoch. */
  since: number | undefined;
  outcome: SimulateDayResponse | undefined;
  /** The plan was changed since it was played. */
  stale: boolean;
  problem: unknown;
}

function blank(userId: string): Sheet {
  return {
    userId,
    plan: emptyPlan(new Date()),
    since: undefined,
    outcome: undefined,
    stale: false,
    problem: undefined,
  };
}

export const sheet = createStore<Sheet>(blank(""));
let running: AbortController | undefined;

/** Takes what another person left away. */
export function belongsTo(userId: string): void {
  if (sheet.get().userId === userId) return;
  cancel();
  sheet.set(blank(userId));
}

export function changePlan(part: Partial<Plan>): void {
  sheet.set((before) => ({ ...before, plan: { ...before.plan, ...part }, stale: true }));
}

/** Plays it; true once it is done, false when it failed or was cancelled. */
export async function play(body: SimulateDayRequest): Promise<boolean> {
  running?.abort();
  const mine = new AbortController();
  running = mine;
  sheet.set((before) => ({ ...before, since: Date.now(), problem: undefined }));
  try {
    const outcome = await ask(api.POST("/v1/simulations:simulateDay", { body, signal: mine.signal }));
    if (running !== mine) return false;
    sheet.set((before) => ({ ...before, since: undefined, outcome, stale: false }));
    return true;
  } catch (problem) {
    if (running === mine) sheet.set((before) => ({ ...before, since: undefined, problem }));
    return false;
  }
}

export function cancel(): void {
  const mine = running;
  running = undefined;
  sheet.set((before) => ({ ...before, since: undefined }));
  mine?.abort();
}
