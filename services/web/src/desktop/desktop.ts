/**
 * The agent's desktop behind the screen: it ties together session, socket, warm leg and ring, and carries out what the
 * agent asks for. It is started before anything is drawn, so that a reload in mid-call has its audio back at once.
 */
import { api, ask } from "../api/client.ts";
import { asProblem, type Problem } from "../api/problem.ts";
import type { AgentState, Call, Contact, Offer } from "../api/types.ts";
import { MediaOwner, type Ownership } from "../media/owner.ts";
import { startRing, stopRing } from "../media/ring.ts";
import { WarmLeg } from "../media/station.ts";
import { mayEnter } from "../session/roles.ts";
import { lastForCall, session } from "../session/session.ts";
import { socket } from "../socket/live.ts";
import { createStore, useStore } from "../store.ts";
import { latencies, noteAnswer, noteOffer } from "./latencies.ts";
import {
  applyFact,
  currentCustomerId,
  type DesktopState,
  EMPTY_DESKTOP,
  fromServer,
  phaseOf,
} from "./state.ts";
import { stationClientId, stationWanted, wantStation } from "./stationMemory.ts";

export const desktop = createStore<DesktopState>(EMPTY_DESKTOP);
export const useDesktop = (): DesktopState => useStore(desktop);

/** The last command that failed, until the next one succeeds or the agent puts it away. */
export const commandProblem = createStore<Problem | undefined>(undefined);

export const ownership = createStore<Ownership>("waiting");
export const useOwnership = (): Ownership => useStore(ownership);

export const leg = new WarmLeg(
  (sdpOffer, clientId, takeover) =>
    ask(api.POST("/v1/station:attach", { body: { sdpOffer, clientId, takeover } })),
  stationClientId(),
);

const owner = new MediaOwner(navigator.locks, (next) => {
  ownership.set(next);
  if (next === "owner") followOwnership();
  else leg.stop();
  ring();
});

const me = (): string => {
  const state = session.get();
  return state.status === "signedIn" ? (state.user.userId ?? "") : "";
};

/** The lock answers within a few ms when it is free; a reloaded page's old lock takes a moment longer. */
const ELECTION_MS = 400;

/** First of all: the microphone and the offer, if this browser had a station before. */
export function startMedia(): void {
  if (!stationWanted()) return;
  owner.claim();
  leg.prepare();
  setTimeout(() => {
    if (ownership.get() !== "owner") leg.stop(); // another tab has the sound: don't keep the microphone open here
  }, ELECTION_MS);
}

/** Once: follows session and socket from here on. */
export function startDesktop(): void {
  socket.onFact((event) => {
    if (event.fact === "OfferMade") noteOffer(event);
    desktop.set((state) => applyFact(state, event, me()));
    if (event.fact === "OfferAccepted" || event.fact === "CallAnswered") void fillIn();
  });
  socket.onStatus((status) => {
    if (status === "open") void reload();
  });
  lastForCall(() => ["talking", "held"].includes(phaseOf(desktop.get())));
  desktop.subscribe(followState);
  session.subscribe(followSessionEnd);
  session.subscribe(followOwnership);
  followOwnership();
}

let signedInAs = "";

function followSessionEnd(): void {
  const state = session.get();
  if (state.status === "signedIn") {
    const changed = signedInAs !== state.user.userId;
    signedInAs = state.user.userId ?? "";
    if (changed) void reload();
    return;
  }
  if (state.status !== "signedOut" || !signedInAs) return;
  signedInAs = "";
  desktop.set(EMPTY_DESKTOP);
  owner.giveUp();
}

/** The owner of the media who is signed in and on duty brings the leg up. */
function followOwnership(): void {
  const ready = session.get().status === "signedIn" && ownership.get() === "owner" && stationWanted();
  if (ready && leg.state.get().status === "idle") void leg.start();
}

function followState(): void {
  const state = desktop.get();
  const phase = phaseOf(state);
  leg.setOnCall(phase === "talking"); // on hold no packets come, and that is right
  ring();
  // Another tab of this browser went off duty: the sound that is here goes too.
  const off = state.agent?.state === "AGENT_STATE_OFFLINE" && !stationWanted();
  if (off && ownership.get() === "owner") owner.giveUp();
}

function ring(): void {
  if (phaseOf(desktop.get()) === "offered" && ownership.get() === "owner") startRing();
  else stopRing();
}

/** Reads everything from the server: at the start and after every gap in the socket. */
export async function reload(): Promise<void> {
  const state = session.get();
  if (state.status !== "signedIn" || !mayEnter(state.user.role, "desktop")) return;
  try {
    const answer = await ask(api.GET("/v1/desktop"));
    desktop.set((previous) => fromServer(previous, answer));
    const agentState = answer.agent?.state;
    if (stationWanted() && (!agentState || agentState === "AGENT_STATE_OFFLINE")) await goOnDuty();
    await fillIn();
  } catch (error) {
    commandProblem.set(asProblem(error));
  }
}

/** Call and screen pop of the contact at hand, when facts have not brought them. */
async function fillIn(): Promise<void> {
  const state = desktop.get();
  const callId = state.contact?.callId;
  if (callId && state.call?.callId !== callId) {
    const call = await ask(api.GET("/v1/calls/{callId}", { params: { path: { callId } } }));
    if (desktop.get().contact?.callId === callId) desktop.set((now) => ({ ...now, call }));
  }
  const customerId = currentCustomerId(state);
  if (customerId && !state.screenPop) {
    const path = { customerId };
    const screenPop = await ask(api.GET("/v1/customers/{customerId}/screenPop", { params: { path } }));
    if (currentCustomerId(desktop.get()) === customerId) desktop.set((now) => ({ ...now, screenPop }));
  }
}

/** Runs a command; what goes wrong is shown at the dock. */
async function carryOut<T>(command: Promise<T>): Promise<T | undefined> {
  try {
    const result = await command;
    commandProblem.set(undefined);
    return result;
  } catch (error) {
    commandProblem.set(asProblem(error));
    return undefined;
  }
}

/** This browser becomes the agent's station and stays it over reloads. */
export function takeStation(takeover = false): void {
  wantStation(true);
  owner.claim();
  if (ownership.get() === "owner") void leg.start(takeover);
}

/** Moves the sound from another tab of this browser to this one. */
export function moveSoundHere(): void {
  wantStation(true);
  owner.claim(true);
}

/** The server lost our state (it restarted, or our leg was gone for long) while this page was on duty. */
async function goOnDuty(): Promise<void> {
  const intended = intendedState;
  if (intended) await setState(intended.state, intended.reason);
}

let intendedState: { state: AgentState; reason: string } | undefined;

export async function setState(state: AgentState, reason = ""): Promise<void> {
  intendedState = state === "AGENT_STATE_OFFLINE" ? undefined : { state, reason };
  if (state === "AGENT_STATE_OFFLINE") return goOffline();
  takeStation();
  if (state === "AGENT_STATE_AVAILABLE") await attached();
  const agent = await carryOut(ask(api.POST("/v1/agents/me:setState", { body: { state, reason } })));
  if (agent) desktop.set((now) => ({ ...now, agent, notice: undefined }));
}

/** An agent without a leg can't be offered anything, so AVAILABLE waits for the leg, within reason. */
function attached(): Promise<void> {
  const settled = () => ["attached", "failed", "heldElsewhere"].includes(leg.state.get().status);
  if (ownership.get() !== "owner" || settled()) return Promise.resolve();
  return new Promise((resolve) => {
    const stop = leg.state.subscribe(() => settled() && finish());
    const timer = setTimeout(() => finish(), 8000);
    const finish = () => {
      stop();
      clearTimeout(timer);
      resolve();
    };
  });
}

async function goOffline(): Promise<void> {
  const body = { state: "AGENT_STATE_OFFLINE" as const, reason: "" };
  const agent = await carryOut(ask(api.POST("/v1/agents/me:setState", { body })));
  if (!agent) return;
  desktop.set((now) => ({ ...now, agent, notice: undefined }));
  if (agent.state !== "AGENT_STATE_OFFLINE") return; // on a contact: it goes offline afterwards
  wantStation(false);
  await ask(api.POST("/v1/station:detach", { body: { clientId: stationClientId() } })).catch(() => undefined);
  owner.giveUp();
}

/** Commands go over the socket when it is open: no new connection stands between the click and the answer. */
function command<T>(method: string, body: object, rest: () => Promise<T>): Promise<T> {
  if (socket.status !== "open") return rest();
  return socket.request<T>(method, body);
}

export async function acceptOffer(): Promise<void> {
  const offer = desktop.get().offer;
  if (!offer?.offerId) return;
  const offerId = offer.offerId;
  stopRing();
  noteAnswer(leg.listening);
  const accepted = await carryOut(
    command<Offer>("routing.v1.OfferService/AcceptOffer", { offerId }, () =>
      ask(api.POST("/v1/offers/{offerId}:accept", { params: { path: { offerId } }, body: {} })),
    ),
  );
  if (!accepted) return void reload();
  latencies.acceptedTime = Date.now();
  desktop.set((now) =>
    now.contact ? now : { ...now, offer: undefined, contact: accepted.contact ?? offer.contact },
  );
  await fillIn().catch(() => undefined);
}

export async function declineOffer(): Promise<void> {
  const offerId = desktop.get().offer?.offerId;
  if (!offerId) return;
  stopRing();
  await carryOut(
    command<Offer>("routing.v1.OfferService/DeclineOffer", { offerId }, () =>
      ask(api.POST("/v1/offers/{offerId}:decline", { params: { path: { offerId } }, body: {} })),
    ),
  );
  await reload();
}

type CallVerb = "HangUp" | "HoldCall" | "ResumeCall";

const CALL_PATHS = {
  HangUp: "/v1/calls/{callId}:hangUp",
  HoldCall: "/v1/calls/{callId}:hold",
  ResumeCall: "/v1/calls/{callId}:resume",
} as const;

async function callVerb(verb: CallVerb): Promise<void> {
  const callId = desktop.get().contact?.callId;
  if (!callId) return;
  const call = await carryOut(
    command<Call>(`telephony.v1.CallService/${verb}`, { callId }, () =>
      ask(api.POST(CALL_PATHS[verb], { params: { path: { callId } }, body: {} })),
    ),
  );
  if (call) keepCall(call);
}

function keepCall(call: Call): void {
  desktop.set((now) => {
    if (now.contact?.callId !== call.callId || Number(call.version) < Number(now.call?.version ?? 0))
      return now;
    return { ...now, call };
  });
}

export const hangUp = (): Promise<void> => callVerb("HangUp");
export const hold = (): Promise<void> => callVerb("HoldCall");
export const resume = (): Promise<void> => callVerb("ResumeCall");

export async function setMuted(muted: boolean): Promise<void> {
  const callId = desktop.get().contact?.callId;
  if (!callId) return;
  leg.setMuted(muted);
  const call = await carryOut(
    command<Call>("telephony.v1.CallService/SetMute", { callId, muted }, () =>
      ask(api.POST("/v1/calls/{callId}:setMute", { params: { path: { callId } }, body: { muted } })),
    ),
  );
  if (call) keepCall(call);
  else leg.setMuted(!muted);
}

export async function sendDigits(digits: string): Promise<void> {
  const callId = desktop.get().contact?.callId;
  if (!callId) return;
  await carryOut(
    command<object>("telephony.v1.CallService/SendDigits", { callId, digits }, () =>
      ask(api.POST("/v1/calls/{callId}:sendDigits", { params: { path: { callId } }, body: { digits } })),
    ),
  );
}

/** Keeps disposition and note as they are typed, so that a closed tab loses nothing. */
export async function saveWrapUp(contactId: string, dispositionId: string, note: string): Promise<boolean> {
  const path = { contactId };
  const body = { dispositionId, note };
  return (
    (await carryOut(ask(api.POST("/v1/contacts/{contactId}:saveWrapUp", { params: { path }, body })))) !==
    undefined
  );
}

export async function endWrapUp(contactId: string, dispositionId: string, note: string): Promise<boolean> {
  const path = { contactId };
  const body = { dispositionId, note };
  const contact: Contact | undefined = await carryOut(
    ask(api.POST("/v1/contacts/{contactId}:endWrapUp", { params: { path }, body })),
  );
  if (!contact) return false;
  desktop.set((now) =>
    now.contact?.contactId === contactId
      ? { ...now, contact: undefined, call: undefined, screenPop: now.offer ? now.screenPop : undefined }
      : now,
  );
  return true;
}
