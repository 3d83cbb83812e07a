/** What the agent does with the call at hand, and how one begins that was not offered. */
import { api, ask, newRequestId } from "../api/client.ts";
import { asProblem, Problem } from "../api/problem.ts";
import type { AnswerDetection, Call, Offer } from "../api/types.ts";
import { oneAtATime } from "../oneAtATime.ts";
import { myId } from "../session/session.ts";
import { socket } from "../socket/live.ts";
import { createStore } from "../store.ts";
import { carryOut, desktop, reload, takeStation, wishMute } from "./desktop.ts";
import { wayOut } from "./parties.ts";
import { withCall } from "./state.ts";

const CONFIRM_MS = 2000;
const ANSWER_MS = 8000;

/** Where a call is sent, or who is asked. */
export type Target = { agentId: string } | { queueId: string } | { flowId: string } | { number: string };

/** The code of the call we have just parked, until it is put away. */
export const parkedCode = createStore<string | undefined>(undefined);
/** The dialog to hand the call on is open. */
export const handingOn = createStore(false);

type CallVerb =
  | "HangUp"
  | "HoldCall"
  | "ResumeCall"
  | "SetMute"
  | "SendDigits"
  | "DropLeg"
  | "LeaveCall"
  | "TransferCall"
  | "ConsultCall"
  | "SwapCall"
  | "JoinCall"
  | "CompleteTransfer"
  | "CancelConsult"
  | "ParkCall";

/** Over the socket only: while it is away the controls are too, and what was pressed never happens later. */
function request(verb: CallVerb, extra: object = {}): Promise<Call> {
  const callId = desktop.get().contact?.callId;
  if (!callId) return Promise.reject(new Problem(0, "NO_CALL", ""));
  const body = { callId, ...extra };
  return socket.request<Call>(`telephony.v1.CallService/${verb}`, body, ANSWER_MS, CONFIRM_MS);
}

async function verb(name: CallVerb, extra: object = {}): Promise<Call | undefined> {
  if (!desktop.get().contact?.callId) return undefined;
  const call = await carryOut(request(name, extra));
  if (call?.callId) desktop.set((now) => withCall(now, call));
  return call;
}

const plain =
  (name: CallVerb) =>
  async (extra: object = {}): Promise<void> =>
    void (await verb(name, extra));

export const hangUp = plain("HangUp");
const leave = plain("LeaveCall");
export const swap = plain("SwapCall");
export const join = plain("JoinCall");
export const complete = plain("CompleteTransfer");
const cancelConsult = plain("CancelConsult");
const holdLeg = plain("HoldCall");
const resumeLeg = plain("ResumeCall");
const dropLeg = plain("DropLeg");

/** The customer on hold, or the party that is named. */
export const hold = (legId = ""): Promise<void> => holdLeg({ legId });
export const resume = (legId = ""): Promise<void> => resumeLeg({ legId });
export const drop = (legId: string): Promise<void> => dropLeg({ legId });

/** Our part of the call is over: that of a question, of one among others, or the call itself. */
export function end(): Promise<void> {
  return { cancelConsult, leave, hangUp }[wayOut(desktop.get().call, myId())]();
}

export async function setMuted(muted: boolean): Promise<void> {
  wishMute(muted);
  await verb("SetMute", { muted });
  wishMute(undefined);
}

export async function muteParty(legId: string, muted: boolean): Promise<void> {
  await verb("SetMute", { legId, muted });
}

export async function sendDigits(digits: string): Promise<void> {
  await carryOut(request("SendDigits", { digits }));
}

/** Sends the customer on. Throws the problem: the dialog that asked shows it. */
export async function transfer(target: Target): Promise<void> {
  const call = await request("TransferCall", target).catch(thrown);
  desktop.set((now) => withCall(now, call));
}

/** Asks somebody while the customer waits. Throws the problem. */
export async function consult(target: Target): Promise<void> {
  const call = await request("ConsultCall", target).catch(thrown);
  desktop.set((now) => withCall(now, call));
}

export async function park(): Promise<void> {
  const call = await verb("ParkCall");
  if (call?.parkCode) parkedCode.set(call.parkCode);
}

function thrown(error: unknown): never {
  throw asProblem(error);
}

// -- calls that were not offered ------------------------------------------------------------------------------

export interface Dialled {
  number: string;
  brandId: string;
  callerNumber: string;
  detection?: AnswerDetection;
}

/** Rings a number. Throws the problem; our contact comes with the answer or with its fact, whichever is first. */
export async function dial(wish: Dialled, requestId = newRequestId()): Promise<void> {
  await ask(api.POST("/v1/calls:dial", { body: { requestId, ...wish } }));
  await reload();
}

/** Takes a parked call. Throws the problem. */
export const retrieve = oneAtATime(async (parkCode: string): Promise<void> => {
  await ask(api.POST("/v1/parkedCalls/{parkCode}:retrieve", { params: { path: { parkCode } }, body: {} }));
  await reload();
});

/** Takes a contact that waits or rings at a colleague. Throws the problem. */
export async function pickUp(contactId: string): Promise<Offer> {
  const path = { contactId };
  const offer = await ask(api.POST("/v1/contacts/{contactId}:pickUp", { params: { path }, body: {} }));
  await reload();
  return offer;
}

/** Whether a refusal is about the softphone that isn't attached here. */
export function needsStation(problem: Problem | undefined): boolean {
  return problem?.reason === "STATION_REQUIRED" || problem?.reason === "STATION_MISSING";
}

export const connectSound = (): void => takeStation();
