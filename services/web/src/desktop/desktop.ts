/**
 * The agent's desktop behind the screen: it ties together session, socket, warm leg and ring, and carries out what the
 * agent asks for. It is started before anything is drawn, so that a reload in mid-call has its audio back at once.
 */
import { api, ask } from "../api/client.ts";
import { asProblem, Problem } from "../api/problem.ts";
import type { AgentState, Call, Contact, Offer, Station } from "../api/types.ts";
import { MediaOwner, type Ownership } from "../media/owner.ts";
import { RelayList, tabMemory } from "../media/relays.ts";
import { startRing, stopRing } from "../media/ring.ts";
import { WarmLeg } from "../media/station.ts";
import { mayEnter } from "../session/roles.ts";
import { lastForCall, myId, session } from "../session/session.ts";
import { socket } from "../socket/live.ts";
import { createStore, until, useStore } from "../store.ts";
import { latencies, noteAnswer, noteOffer } from "./latencies.ts";
import {
  applyFact,
  currentCustomerId,
  type DesktopState,
  EMPTY_DESKTOP,
  fromServer,
  isMuted,
  isOnCall,
  phaseOf,
  withCall,
} from "./state.ts";
import { stationClientId, stationWanted, wantStation } from "./stationMemory.ts";

export const desktop = createStore<DesktopState>(EMPTY_DESKTOP);
export const useDesktop = (): DesktopState => useStore(desktop);

/** The last command that failed, until the next one succeeds or the agent puts it away. */
export const commandProblem = createStore<Problem | undefined>(undefined);

/** The agent wants to be available, and the browser still asks for the microphone or connects it. */
export const waitingForSound = createStore(false);

export const ownership = createStore<Ownership>("waiting");
export const useOwnership = (): Ownership => useStore(ownership);

/** Long, since it begins before anybody is signed in. */
const RELAYS_WITHIN_MS = 10_000;
/** A network that has just gone takes requests and answers none. */
const ATTACH_WITHIN_MS = 4000;

/** Asked for once somebody is signed in; a reload still has the list of before. */
export const relays = new RelayList(() => void askRelays(), tabMemory(), "merkez.relays", RELAYS_WITHIN_MS);

async function askRelays(): Promise<void> {
  await until(session, ({ status }) => status === "signedIn");
  relays.keep(await ask(api.GET("/v1/iceServers")).catch(() => ({})));
}

export const leg = new WarmLeg(
  (sdpOffer, clientId, takeover, nodeId) =>
    ask(
      api.POST("/v1/station:attach", {
        body: { sdpOffer, clientId, takeover, nodeId },
        signal: AbortSignal.timeout(ATTACH_WITHIN_MS),
      }),
    ),
  stationClientId(),
  relays,
);

const owner = new MediaOwner(navigator.locks, (next) => {
  ownership.set(next);
  if (next === "owner") followOwnership();
  else leg.stop();
  ring();
});

/** The lock answers within a few ms when it is free; a reloaded page's old lock takes a moment longer. */
const ELECTION_MS = 400;
const SAY_WAITING_MS = 700;
const RELOAD_AGAIN_MS = 1000;
/** A command that isn't confirmed by now is said to be so, and is not carried out any more. */
const CONFIRM_MS = 2000;

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
    desktop.set((state) => applyFact(state, event, myId()));
    if (BEGINNINGS.includes(event.fact)) void fillIn().catch(() => undefined); // facts still bring what this could not
    if (event.fact === "StationAttached") followStation(event.data as { station?: Station });
    if (event.fact === "CallMoved") followCall(event.data as { call?: Call; toNodeId?: string });
  });
  socket.onLive("station_wanted", (data) => {
    const { agentId, nodeId = "" } = data as { agentId?: string; nodeId?: string };
    if (agentId === myId()) moveLeg(nodeId);
  });
  socket.onStatus((status) => {
    if (status === "open") void reload();
  });
  lastForCall(() => isOnCall(phaseOf(desktop.get())));
  desktop.subscribe(followState);
  session.subscribe(followSessionEnd);
  session.subscribe(followOwnership);
  followOwnership();
}

const BEGINNINGS: readonly string[] = ["OfferAccepted", "CallAnswered", "ContactStarted"];

/** Our call has its media on another node since now: don't wait until they are missed. */
function followCall({ call, toNodeId = "" }: { call?: Call; toNodeId?: string }): void {
  const station = [desktop.get().contact?.callId, watchedCall()];
  if (call?.callId && station.includes(call.callId)) moveLeg(toNodeId);
}

/** The leg that is up goes on until the one on the other node stands. */
function moveLeg(nodeId: string): void {
  if (ownership.get() === "owner" && leg.state.get().status === "attached") void leg.start(false, nodeId);
}

/** The call we supervise; told by `supervision.ts`, which needs this module. */
let watchedCall: () => string | undefined = () => undefined;
export function whenSupervising(call: () => string | undefined): void {
  watchedCall = call;
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
  if (ready && leg.state.get().status === "idle") beginLeg();
}

let takingOver = false;

function beginLeg(): void {
  void leg.start(takingOver);
  takingOver = false;
}

/** Another browser of the same agent took the station. */
function followStation({ station }: { station?: Station }): void {
  const other = station?.agentId === myId() && station.clientId !== stationClientId();
  if (other && leg.state.get().status === "attached") leg.giveWay();
}

export function followState(): void {
  const state = desktop.get();
  const phase = phaseOf(state);
  leg.setOnCall(phase === "talking" || watchedCall() !== undefined); // on hold no packets come, and that is right
  followMute();
  ring();
  // Another tab of this browser went off duty: the sound that is here goes too.
  const off = state.agent?.state === "AGENT_STATE_OFFLINE" && !stationWanted();
  if (off && ownership.get() === "owner") owner.giveUp();
}

function ring(): void {
  if (phaseOf(desktop.get()) === "offered" && ownership.get() === "owner")
    startRing(desktop.get().offer?.autoAccept ? 1500 : 0);
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
    if (stationWanted() && (!agentState || agentState === "AGENT_STATE_OFFLINE")) void goOnDuty();
    await fillIn(true);
  } catch (error) {
    const problem = asProblem(error);
    // A server that has just come back may need a moment: what is on screen must not stay old for that.
    if (problem.status === 0 || problem.status >= 500) setTimeout(() => void reload(), RELOAD_AGAIN_MS);
    else commandProblem.set(problem);
  }
}

/** Call and screen pop of the contact at hand, when facts have not brought them; `anew` when facts may be missing. */
async function fillIn(anew = false): Promise<void> {
  const state = desktop.get();
  const callId = state.contact?.callId;
  if (callId && (anew || state.call?.callId !== callId))
    keepCall(await ask(api.GET("/v1/calls/{callId}", { params: { path: { callId } } })));
  const customerId = currentCustomerId(state);
  if (customerId && !state.screenPop) {
    const path = { customerId };
    const screenPop = await ask(api.GET("/v1/customers/{customerId}/screenPop", { params: { path } }));
    if (currentCustomerId(desktop.get()) === customerId) desktop.set((now) => ({ ...now, screenPop }));
  }
}

/** Runs a command; what goes wrong, or isn't confirmed soon, is shown at the dock. */
export async function carryOut<T>(command: Promise<T>): Promise<T | undefined> {
  const late = setTimeout(() => commandProblem.set(new Problem(0, "UNCONFIRMED", "")), CONFIRM_MS);
  try {
    const result = await command;
    commandProblem.set(undefined);
    return result;
  } catch (error) {
    commandProblem.set(asProblem(error));
    return undefined;
  } finally {
    clearTimeout(late);
  }
}

/** This browser becomes the agent's station and stays it over reloads. */
export function takeStation(takeover = false): void {
  wantStation(true);
  takingOver = takeover;
  if (ownership.get() === "owner") beginLeg();
  else owner.claim(takeover);
}

/** Tries again to get the sound, and then to be what the agent wanted to be with it. */
export function retrySound(): void {
  const wish = intendedState;
  if (wish && wish.state !== desktop.get().agent?.state)
    void setState(wish.state, wish.reason, wish.reasonId);
  else takeStation();
}

/** Moves the sound from another tab of this browser to this one. */
export function moveSoundHere(): void {
  wantStation(true);
  owner.claim(true);
}

/** The server lost our state (it restarted, or our leg was gone for long) while this page was on duty. */
async function goOnDuty(): Promise<void> {
  const intended = intendedState;
  if (intended) await setState(intended.state, intended.reason, intended.reasonId);
}

let intendedState: { state: AgentState; reason: string; reasonId: string } | undefined;

export async function setState(state: AgentState, reason = "", reasonId = ""): Promise<void> {
  const wish = state === "AGENT_STATE_OFFLINE" ? undefined : { state, reason, reasonId };
  intendedState = wish;
  if (!wish) return goOffline();
  commandProblem.set(undefined);
  takeStation();
  if (state === "AGENT_STATE_AVAILABLE" && !(await soundReady())) return; // the leg says what is wrong
  if (intendedState !== wish) return; // thought better of it meanwhile
  const agent = await carryOut(ask(api.POST("/v1/agents/me:setState", { body: wish })));
  if (agent) desktop.set((now) => ({ ...now, agent, notice: undefined }));
}

/**
 * An agent without a leg can't be offered anything, so AVAILABLE waits for it, as long as the person takes to allow
 * the microphone. False when it can't be had. Another tab or browser that has the sound is for the server to judge.
 */
async function soundReady(): Promise<boolean> {
  const patience = setTimeout(() => waitingForSound.set(true), SAY_WAITING_MS);
  await until(ownership, (now) => now === "owner", ELECTION_MS);
  if (ownership.get() === "owner")
    await until(leg.state, ({ status }) => ["attached", "failed", "heldElsewhere", "idle"].includes(status));
  clearTimeout(patience);
  waitingForSound.set(false);
  return leg.state.get().status !== "failed";
}

async function goOffline(): Promise<void> {
  const body = { state: "AGENT_STATE_OFFLINE" as const, reason: "" };
  const agent = await carryOut(ask(api.POST("/v1/agents/me:setState", { body })));
  if (!agent) return;
  desktop.set((now) => ({ ...now, agent, notice: undefined }));
  if (agent.state !== "AGENT_STATE_OFFLINE") return; // on a contact: it goes offline afterwards
  wantStation(false);
  waitingForSound.set(false);
  await ask(api.POST("/v1/station:detach", { body: { clientId: stationClientId() } })).catch(() => undefined);
  owner.giveUp();
}

function keepCall(call: Call | undefined): void {
  desktop.set((now) => withCall(now, call));
}

/** What was pressed and isn't confirmed yet: the microphone follows the finger, every screen follows the server. */
let muteWish: boolean | undefined;

export function wishMute(muted: boolean | undefined): void {
  muteWish = muted;
  followMute();
}

/** The microphone of the tab that has the sound is what the server says, whichever tab was told to mute. */
function followMute(): void {
  leg.setMuted(muteWish ?? isMuted(desktop.get(), myId()));
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
