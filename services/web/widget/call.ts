/**
 * One call from a client's page: its socket, its media, its state. Socket and media are lost and found apart: while
 * packets flow the media stays as it is, whatever becomes of the socket.
 */
import { Listening } from "../src/media/listening.ts";
import { MicrophoneError, type MicrophoneProblem, openMicrophone } from "../src/media/microphone.ts";
import { onNetworkChange, onPathLost } from "../src/media/network.ts";
import { answerPeer, createPeer, type Peer, readFigures } from "../src/media/peer.ts";
import { type IceServerList, RelayList, tabMemory } from "../src/media/relays.ts";
import { StallWatch } from "../src/media/stall.ts";
import { phaseAtEnd, REFUSALS } from "./ends.ts";
import { OneTab } from "./oneTab.ts";

export type Phase =
  | "idle"
  | "microphone"
  | "calling"
  | "menu"
  | "queued"
  | "answered"
  | "held"
  | "ended"
  | "cut"
  | "refused"
  | "closed"
  | "error";

/** Where a customer stands in the queue; the seconds are between which it may still take. */
export interface Place {
  position: number;
  waitLowSeconds?: number;
  waitHighSeconds?: number;
}

export interface CallState {
  phase: Phase;
  problem: MicrophoneProblem | "failed" | undefined;
  /** The number that was typed can't be read as one. */
  numberRefused: boolean;
  /** The caller's number as the server understood it, E.164. */
  number: string;
  place: Place | undefined;
  muted: boolean;
  /** When an agent answered, in milliseconds since the epoch by this page's clock. */
  answeredAt: number | undefined;
  /** What is being brought back: the socket only, or the sound. */
  lost: "socket" | "sound" | undefined;
  /** The agent's media has stalled; ours is fine. */
  otherSideStalled: boolean;
}

const IDLE: CallState = {
  phase: "idle",
  problem: undefined,
  numberRefused: false,
  number: "",
  place: undefined,
  muted: false,
  answeredAt: undefined,
  lost: undefined,
  otherSideStalled: false,
};
const LIVE: readonly Phase[] = ["calling", "menu", "queued", "answered", "held"];
const WATCH_MS = 100;
const RETRY_MS = 1000;
const GIVE_UP_MS = 30_000;
const RECONNECT_MS = [250, 500, 1000, 2000];

interface Frame extends Partial<Place>, IceServerList {
  type: string;
  state?: string;
  sdp?: string;
  token?: string;
  callerNumber?: string;
  reason?: string;
  answerTime?: string;
  time?: string;
  stalled?: boolean;
  problem?: { status: number; errors?: { field: string }[] };
}

export class Call {
  state = IDLE;
  readonly listening = new Listening();
  private readonly audio = new Audio();
  private socket: WebSocket | undefined;
  private microphone: MediaStream | undefined;
  private peer: Peer | undefined;
  /** Takes the place of `peer` once its offer is answered: what is heard goes on until then. */
  private coming: Peer | undefined;
  private readonly relays: RelayList;
  private readonly tab = new OneTab(navigator.locks);
  private token: string | undefined;
  private attempt = 0;
  private readonly stall = new StallWatch();
  private packets = 0;
  private heard = 0;
  private watch: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly base: string,
    private readonly key: string,
    private readonly changed: () => void,
  ) {
    this.audio.autoplay = true;
    this.relays = new RelayList(() => this.send({ type: "hello" }), tabMemory(), `${this.memory}.relays`);
    onNetworkChange(() => this.token && this.live && void this.recover());
    this.token = stored(this.memory);
    if (this.token) void this.pickUp(this.token);
  }

  get live(): boolean {
    return LIVE.includes(this.state.phase);
  }

  async start(callerName: string, callerNumber: string): Promise<void> {
    if (this.live) return;
    this.token = undefined;
    this.listening.wake();
    this.set({ ...IDLE, phase: "microphone" });
    if (!(await this.hear())) return;
    this.set({ phase: "calling" });
    this.open(async () => {
      if (await this.prepare())
        this.send({ type: "call", sdp: this.coming?.offer, callerName, callerNumber });
    });
  }

  hangUp(): void {
    this.send({ type: "hangUp" });
    this.finish("ended");
  }

  /** RFC 4733 digits where the browser can send them, else by the socket. */
  press(digit: string): void {
    const sender = this.peer?.connection.getSenders()[0];
    if (sender?.dtmf?.canInsertDTMF) sender.dtmf.insertDTMF(digit, 120, 60);
    else this.send({ type: "digits", digits: digit });
  }

  mute(muted: boolean): void {
    for (const track of this.microphone?.getAudioTracks() ?? []) track.enabled = !muted;
    this.set({ muted });
  }

  dismiss(): void {
    this.set(IDLE);
  }

  private get memory(): string {
    return `merkez.widget.${this.key}`;
  }

  /** After a reload: the call lives on the server, its media has to be made anew. A copy of its tab leaves it alone. */
  private async pickUp(token: string): Promise<void> {
    const ours = await this.tab.take(token);
    if (this.token !== token) return; // another call was begun meanwhile
    if (!ours) {
      this.token = undefined;
      return store(this.memory, undefined);
    }
    this.set({ phase: "calling", lost: "sound" });
    this.heard = Date.now();
    this.follow();
    await this.renew();
  }

  /** New media on the same leg. */
  private async renew(): Promise<void> {
    if (await this.prepare()) this.reattach();
  }

  private async hear(): Promise<boolean> {
    try {
      this.microphone ??= await openMicrophone("", true);
      return true;
    } catch (error) {
      this.finish("error");
      this.set({ problem: error instanceof MicrophoneError ? error.problem : "failed" });
      return false;
    }
  }

  /** A new connection, to be offered. False when there is none, or no call any more. */
  private async prepare(): Promise<boolean> {
    if (!(await this.hear())) return false;
    const iceServers = await this.relays.current();
    if (!this.microphone) return false;
    this.coming?.connection.close();
    this.coming = await createPeer(this.microphone, { iceServers, relayOnly: false });
    return true;
  }

  /** Asks how the call stands; with an offer only when the media has to be made anew. */
  private reattach(): void {
    const sdp = this.coming?.offer;
    if (this.token) this.send({ type: "reattach", token: this.token, sdp });
  }

  private follow(): void {
    this.open(() => this.reattach());
    this.watch ??= setInterval(() => void this.check(), WATCH_MS);
  }

  private open(ready: () => void): void {
    this.socket?.close();
    const socket = new WebSocket(`${this.base.replace(/^http/, "ws")}/widget/v1/socket?key=${this.key}`);
    this.socket = socket;
    socket.onopen = () => {
      if (!this.relays.known) this.send({ type: "hello" });
      ready();
    };
    socket.onmessage = ({ data }) => socket === this.socket && void this.receive(JSON.parse(data));
    socket.onclose = () => socket === this.socket && this.dropped();
  }

  private send(frame: object): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame));
  }

  private async receive(frame: Frame): Promise<void> {
    if (frame.type === "welcome") this.relays.keep(frame);
    else if (frame.type === "answer") await this.answered(frame);
    else if (frame.type === "state") this.become(frame);
    else if (frame.type === "otherSide") this.set({ otherSideStalled: frame.stalled === true });
    else if (frame.type === "problem") this.refused(frame);
    else if (frame.type === "moved") await this.moved();
  }

  /** The sound comes from elsewhere since now: don't wait until its absence is noticed. */
  private async moved(): Promise<void> {
    if (!this.live || !this.token) return;
    this.stall.mayTry(performance.now());
    await this.renew();
  }

  private async answered({ token, sdp, callerNumber }: Frame): Promise<void> {
    this.attempt = 0;
    if (token && token !== this.token) void this.tab.take(token);
    this.token = token;
    store(this.memory, token);
    if (callerNumber) this.set({ number: callerNumber });
    if (this.state.lost === "socket") this.set({ lost: undefined });
    const peer = this.coming;
    if (!sdp || !peer) return;
    this.coming = undefined;
    await answerPeer(peer, sdp);
    this.peer?.connection.close();
    this.peer = peer;
    onPathLost(peer.connection, () => peer === this.peer && void this.recover());
    this.audio.srcObject = peer.remote;
    void this.audio.play().catch(() => undefined);
    this.listening.listen(peer.remote);
    this.packets = 0;
    this.heard = Date.now();
    this.stall.reset(performance.now());
    this.watch ??= setInterval(() => void this.check(), WATCH_MS);
  }

  private become({ state, reason = "", answerTime, time, ...place }: Frame): void {
    const turnedAway = ["refused", "closed"].includes(this.state.phase);
    if (!this.live && !turnedAway) return;
    if (state === "ended") this.finish(phaseAtEnd(reason, turnedAway ? this.state.phase : undefined));
    else if (state === "queued") {
      const { position, waitLowSeconds, waitHighSeconds } = place;
      this.set({ phase: state, place: position ? { position, waitLowSeconds, waitHighSeconds } : undefined });
    } else if (state === "menu" || state === "answered" || state === "held") this.set({ phase: state });
    else if (state === "refused") this.set({ phase: REFUSALS[reason] ?? state });
    if (answerTime && time && this.state.answeredAt === undefined)
      this.set({ answeredAt: Date.now() - (Date.parse(time) - Date.parse(answerTime)) });
  }

  private refused({ problem }: Frame): void {
    if (!this.token) {
      const numberRefused = problem?.errors?.some(({ field }) => field === "callerNumber") ?? false;
      this.finish(numberRefused ? "idle" : "error");
      this.set(numberRefused ? { numberRefused } : { problem: "failed" });
      return;
    }
    if (!this.state.lost || !problem) return;
    // Who says no knows the call no more; else the server is on its way back.
    if (problem.status < 500 && problem.status !== 429)
      this.finish(this.state.lost === "sound" ? "cut" : "ended");
    else setTimeout(() => this.state.lost && this.reattach(), RETRY_MS);
  }

  /** Packets, not connectionState: that takes seven seconds to notice. */
  private async check(): Promise<void> {
    const peer = this.peer;
    if (!peer || !this.live) return;
    const { packetsReceived } = await readFigures(peer.connection);
    if (peer !== this.peer) return;
    if (peer.relayRefused !== undefined) this.relays.forget();
    const { stalled, reattach } = this.stall.observe(packetsReceived, performance.now());
    const now = Date.now();
    if (packetsReceived > this.packets) {
      this.packets = packetsReceived;
      this.heard = now;
      if (this.state.lost === "sound") this.set({ lost: this.connected ? undefined : "socket" });
    } else if (now - this.heard > GIVE_UP_MS) return this.finish("cut");
    if (stalled && this.token && this.state.lost !== "sound") this.set({ lost: "sound" });
    if (reattach) await this.renewOrFollow();
  }

  /** The network is another one, or the way through it is gone. */
  private async recover(): Promise<void> {
    if (this.stall.mayTry(performance.now())) await this.renewOrFollow();
  }

  /** A new way for the sound, beside the old one. */
  private async renewOrFollow(): Promise<void> {
    if (!this.token) return;
    // An offer without an answer went into a socket that is dead too.
    if (this.coming) this.follow();
    else await this.renew();
  }

  private get connected(): boolean {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  private dropped(): void {
    if (!this.live) return;
    if (!this.token) {
      this.finish("error");
      return this.set({ problem: "failed" });
    }
    if (!this.state.lost) this.set({ lost: "socket" });
    const pause = RECONNECT_MS[Math.min(this.attempt++, RECONNECT_MS.length - 1)];
    setTimeout(() => this.token && this.follow(), pause);
  }

  private finish(phase: Phase): void {
    clearInterval(this.watch);
    this.watch = undefined;
    const socket = this.socket;
    this.socket = undefined;
    // The hang-up must leave before the socket does.
    setTimeout(() => socket?.close(), 300);
    this.peer?.connection.close();
    this.coming?.connection.close();
    this.peer = this.coming = undefined;
    for (const track of this.microphone?.getTracks() ?? []) track.stop();
    this.microphone = undefined;
    this.tab.letGo();
    this.token = undefined;
    store(this.memory, undefined);
    this.set({ ...IDLE, phase });
  }

  private set(change: Partial<CallState>): void {
    this.state = { ...this.state, ...change };
    this.changed();
  }
}

function stored(name: string): string | undefined {
  try {
    return sessionStorage.getItem(name) ?? undefined;
  } catch {
    return undefined;
  }
}

function store(name: string, value: string | undefined): void {
  try {
    if (value) sessionStorage.setItem(name, value);
    else sessionStorage.removeItem(name);
  } catch {
    // A page without storage loses the call at a reload, and nothing else.
  }
}
