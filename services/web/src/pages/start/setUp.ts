/**
 * The guided set-up's verbs and where it stands. Nothing is remembered beside what was made: the next step is the first
 * one whose thing does not exist yet, so it can be left at any point and taken up on any device.
 */
import { useQuery } from "@tanstack/react-query";
import { api, ask, newRequestId } from "../../api/client.ts";
import { Problem } from "../../api/problem.ts";
import type { Brand, Flow, Invitation, PhoneNumber, Queue, Tenant } from "../../api/types.ts";

export const STEPS = ["brand", "number", "queue", "flow", "invite"] as const;
export type StepName = (typeof STEPS)[number];

export interface Progress {
  tenant: Tenant;
  brand: Brand | undefined;
  number: PhoneNumber | undefined;
  queue: Queue | undefined;
  flow: Flow | undefined;
  invited: boolean;
}

const ALL = { params: { query: { pageSize: 200 } } };

async function readProgress(): Promise<Progress> {
  const [tenant, brands, numbers, queues, flows, invitations] = await Promise.all([
    ask(api.GET("/v1/tenant")),
    ask(api.GET("/v1/brands", ALL)),
    ask(api.GET("/v1/numbers", ALL)),
    ask(api.GET("/v1/queues", ALL)),
    ask(api.GET("/v1/flows", ALL)),
    ask(api.GET("/v1/invitations", ALL)),
  ]);
  // Lists are newest first; the set-up is about the first of each.
  const number = numbers.numbers?.at(-1);
  const owner = brands.brands?.find((brand) => brand.brandId === number?.brandId);
  return {
    tenant,
    brand: owner ?? brands.brands?.at(-1),
    number,
    queue: queues.queues?.at(-1),
    flow: flows.flows?.find((flow) => flow.flowId === number?.flowId) ?? flows.flows?.at(-1),
    invited: (invitations.invitations ?? []).length > 0,
  };
}

export const PROGRESS_KEY = ["setUp"];
export const useProgress = () => useQuery({ queryKey: PROGRESS_KEY, queryFn: readProgress, staleTime: 0 });

/** The first step that is still to be done; undefined when all are. */
export function nextStep(progress: Progress): StepName | undefined {
  if (!progress.brand) return "brand";
  if (!progress.number) return "number";
  if (!progress.queue) return "queue";
  if (!progress.flow?.releaseId || progress.number.flowId !== progress.flow.flowId) return "flow";
  return progress.invited ? undefined : "invite";
}

export function createBrand(displayName: string, language: string, timeZone: string): Promise<Brand> {
  const brand = { displayName, language, timeZone };
  return ask(api.POST("/v1/brands", { body: { requestId: newRequestId(), brand } }));
}

/** Free numbers, test numbers first: a number of the public network costs something, and is chosen by nobody but people. */
export async function freeNumbers(): Promise<PhoneNumber[]> {
  const query = { pageSize: 50 };
  const found = (await ask(api.GET("/v1/numbers:available", { params: { query } }))).numbers ?? [];
  return found.sort((one, other) => Number(other.test ?? false) - Number(one.test ?? false));
}

export function assignNumber(number: string, brandId: string): Promise<PhoneNumber> {
  return ask(api.POST("/v1/numbers", { body: { requestId: newRequestId(), number, brandId, flowId: "" } }));
}

/** Takes the first free number; somebody else may be faster, so the next ones are tried. */
async function assignAnyNumber(brandId: string): Promise<PhoneNumber> {
  for (const candidate of await freeNumbers()) {
    try {
      return await assignNumber(candidate.number ?? "", brandId);
    } catch (error) {
      if (!(error instanceof Problem) || error.reason !== "NUMBER_TAKEN") throw error;
    }
  }
  throw new Problem(409, "NO_NUMBER_LEFT", "");
}

export function createQueue(displayName: string): Promise<Queue> {
  const queue = { displayName, openToAll: true };
  return ask(api.POST("/v1/queues", { body: { requestId: newRequestId(), queue } }));
}

export interface FlowWish {
  templateId: string;
  displayName: string;
  parameters: Record<string, string>;
}

/** Creates the flow from its template, publishes it, and lets the number lead to it. */
export async function createFlow(wish: FlowWish, number: string): Promise<Flow> {
  const { templateId, displayName, parameters } = wish;
  const body = { requestId: newRequestId(), flow: { displayName }, templateId, parameters, publish: true };
  const flow = await ask(api.POST("/v1/flows", { body }));
  await pointNumber(number, flow.flowId ?? "");
  return flow;
}

function pointNumber(number: string, flowId: string): Promise<PhoneNumber> {
  const body = { number: { number, flowId }, updateMask: "flowId", version: "0" };
  const path = { "number.number": number };
  return ask(api.PATCH("/v1/numbers/{number.number}", { params: { path }, body }));
}

export function invite(email: string, displayName: string, role: Invitation["role"]): Promise<Invitation> {
  const invitation = { email, displayName, role };
  return ask(api.POST("/v1/invitations", { body: { requestId: newRequestId(), invitation } }));
}

export interface DefaultNames {
  queue: string;
  flow: string;
  dispositions: readonly string[];
}

/** A few outcomes to pick from in the first wrap-up; none are added where there are any. */
export async function createDispositions(names: readonly string[]): Promise<void> {
  const { dispositions } = await ask(api.GET("/v1/dispositions"));
  if ((dispositions ?? []).length > 0) return;
  for (const displayName of [...names].reverse()) {
    await ask(
      api.POST("/v1/dispositions", { body: { requestId: newRequestId(), disposition: { displayName } } }),
    );
  }
}

/** Everything but the invitation with sensible defaults; goes on where an earlier try stopped. */
export async function setUpByDefaults(names: DefaultNames, onStep: (step: StepName) => void): Promise<void> {
  const progress = await readProgress();
  const { tenant } = progress;
  const company = tenant.displayName ?? "";
  onStep("brand");
  const brand =
    progress.brand ?? (await createBrand(company, tenant.language || "en", tenant.timeZone || "UTC"));
  onStep("number");
  const number = progress.number ?? (await assignAnyNumber(brand.brandId ?? ""));
  onStep("queue");
  const queue = progress.queue ?? (await createQueue(names.queue));
  await createDispositions(names.dispositions);
  onStep("flow");
  if (progress.flow?.releaseId) {
    if (number.flowId !== progress.flow.flowId)
      await pointNumber(number.number ?? "", progress.flow.flowId ?? "");
    return;
  }
  const parameters = {
    queue_id: queue.queueId ?? "",
    brand_name: brand.displayName ?? company,
    language: brand.language ?? "en",
  };
  await createFlow(
    { templateId: "greeting_menu_queue", displayName: names.flow, parameters },
    number.number ?? "",
  );
}

export function testPage(brand: Brand | undefined): string {
  return `/brand/${brand?.widgetKey ?? ""}`;
}
