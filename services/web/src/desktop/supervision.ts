/**
 * The call a supervisor takes part in, from their own softphone. The server decides and tells; this keeps what it
 * said, over reloads and in every tab.
 */
import { api, ask } from "../api/client.ts";
import type { Call, SupervisionMode } from "../api/types.ts";
import { oneAtATime } from "../oneAtATime.ts";
import { mayEnter } from "../session/roles.ts";
import { myId, session } from "../session/session.ts";
import { socket } from "../socket/live.ts";
import { createStore } from "../store.ts";
import { carryOut, desktop, followState, leg, reload, setState, whenSupervising } from "./desktop.ts";
import { isLive } from "./parties.ts";

export type Mode = Exclude<SupervisionMode, "SUPERVISION_MODE_UNSPECIFIED">;

export interface Supervision {
  callId: string;
  agentId: string;
  mode: Mode;
}

export const supervision = createStore<Supervision | undefined>(undefined);
/** What was asked for while no softphone was there: begun once there is one. */
export const wanted = createStore<Supervision | undefined>(undefined);

const CONFIRM_MS = 2000;
const ANSWER_MS = 8000;

/** What can end a supervision without a word about it: the agent leaves, the customer is sent on. */
const ENDINGS: readonly string[] = [
  "AgentLeft",
  "LegChanged",
  "CallTransferred",
  "CallParked",
  "CallAnswered",
  "CallEnded",
];

export function startSupervision(): void {
  whenSupervising(() => supervision.get()?.callId);
  supervision.subscribe(followState);
  socket.onFact(({ fact, data }) => {
    if (fact === "SupervisionChanged") changed(data as Changed);
    else if (ENDINGS.includes(fact) && callIdOf(data as Told) === supervision.get()?.callId) void readAgain();
  });
  socket.onStatus((status) => {
    if (status === "open") void restore();
  });
  leg.state.subscribe(() => {
    const wish = wanted.get();
    if (!wish || leg.state.get().status !== "attached") return;
    wanted.set(undefined);
    void supervise(wish);
  });
}

interface Changed {
  callId?: string;
  supervisorId?: string;
  agentId?: string;
  mode?: SupervisionMode;
  tookOver?: boolean;
}

function changed({ callId = "", supervisorId, agentId = "", mode, tookOver }: Changed): void {
  if (supervisorId !== myId()) return;
  const over = tookOver || !mode || mode === "SUPERVISION_MODE_UNSPECIFIED";
  if (over) supervision.set((now) => (now?.callId === callId ? undefined : now));
  else supervision.set({ callId, agentId, mode });
}

interface Told {
  callId?: string;
  call?: { callId?: string };
  cdr?: { callId?: string };
}

const callIdOf = ({ callId, call, cdr }: Told): string | undefined => callId ?? call?.callId ?? cdr?.callId;

async function readAgain(): Promise<void> {
  const callId = supervision.get()?.callId;
  if (callId) keep(await read(callId), callId);
}

/** After a reload, and after every gap in the socket: our station is in a call that is not our contact's. */
async function restore(): Promise<void> {
  const state = session.get();
  if (state.status !== "signedIn" || !mayEnter(state.user.role, "watch")) return;
  const station = await ask(api.GET("/v1/station")).catch(() => undefined);
  const callId = station?.callId;
  if (callId && callId !== desktop.get().contact?.callId) keep(await read(callId), callId);
  else if (station) supervision.set(undefined);
}

function read(callId: string): Promise<Call | undefined> {
  return ask(api.GET("/v1/calls/{callId}", { params: { path: { callId } } })).catch(() => undefined);
}

function keep(call: Call | undefined, callId: string): void {
  if (!call) return; // not known: what was told stands
  const mine = call.legs?.find(
    (leg) => leg.party === "supervisor" && leg.agentId === myId() && isLive(leg) && leg.mode,
  );
  const live = call.state !== "CALL_STATE_ENDED" && mine?.mode;
  if (live && live !== "SUPERVISION_MODE_UNSPECIFIED")
    supervision.set({ callId, agentId: mine?.supervisedAgentId ?? "", mode: live });
  else supervision.set((now) => (now?.callId === callId ? undefined : now));
}

// -- verbs ------------------------------------------------------------------------------------------------------

function request(verb: string, body: object): Promise<Call> {
  return socket.request<Call>(`telephony.v1.CallService/${verb}`, body, ANSWER_MS, CONFIRM_MS);
}

/** Begins, or changes how. Without a softphone it waits for one: `wanted` says so. */
export async function supervise(wish: Supervision): Promise<void> {
  if (leg.state.get().status !== "attached") return wanted.set(wish);
  const call = await carryOut(request("SuperviseCall", wish));
  if (call) keep(call, wish.callId);
}

export async function stopSupervising(): Promise<void> {
  const now = supervision.get();
  if (!now) return;
  const call = await carryOut(request("StopSupervising", { callId: now.callId }));
  if (call) keep(call, now.callId);
}

/**
 * Takes the agent's place: the call is our contact from then on. Whoever is off duty goes on it for this call, and gets
 * no others after it.
 */
export const takeOver = oneAtATime(async (callId: string, agentId: string): Promise<void> => {
  const state = desktop.get().agent?.state ?? "AGENT_STATE_OFFLINE";
  if (state === "AGENT_STATE_OFFLINE") await setState("AGENT_STATE_NOT_READY");
  const call = await carryOut(request("TakeOverCall", { callId, agentId }));
  if (!call) return;
  supervision.set(undefined);
  await reload();
});

const ORDER: readonly Mode[] = [
  "SUPERVISION_MODE_LISTEN",
  "SUPERVISION_MODE_WHISPER",
  "SUPERVISION_MODE_BARGE",
];
export const MODES = ORDER;
