/**
 * The agent's warm leg: microphone, one peer connection to the server, the speaker, and a watch over the packets.
 * It belongs to the tab that owns the media; the rules of calls are elsewhere.
 */
import { Problem } from "../api/problem.ts";
import type { Station } from "../api/types.ts";
import { createStore } from "../store.ts";
import { Listening } from "./listening.ts";
import { MicrophoneError, type MicrophoneProblem, microphoneProblem, openMicrophone } from "./microphone.ts";
import { onNetworkChange, onPathLost } from "./network.ts";
import { answerPeer, createPeer, type MediaFigures, type Peer, readFigures } from "./peer.ts";
import { sound } from "./preferences.ts";
import type { RelayList } from "./relays.ts";
import { StallWatch } from "./stall.ts";

export type LegStatus = "idle" | "attaching" | "attached" | "lost" | "heldElsewhere" | "failed";

export interface LegState {
  status: LegStatus;
  /** Packets have stopped for more than a second. */
  stalled: boolean;
  microphone: MicrophoneProblem | undefined;
  problem: Problem | undefined;
  figures: MediaFigures | undefined;
  /** 0..1, what we hear and what we say. */
  hearing: number;
  attachTime: number | undefined;
  /** STUN's code when the relay refuses us; see Peer. */
  relayRefused: number | undefined;
}

export type Attach = (
  offer: string,
  clientId: string,
  takeover: boolean,
) => Promise<{ sdpAnswer?: string; station?: Station }>;

const WATCH_MS = 100;
const RETRY_MS = [250, 750, 1500];
const IDLE: LegState = {
  status: "idle",
  stalled: false,
  microphone: undefined,
  problem: undefined,
  figures: undefined,
  hearing: 0,
  attachTime: undefined,
  relayRefused: undefined,
};

export class WarmLeg {
  readonly state = createStore<LegState>(IDLE);
  readonly listening = new Listening();

  private readonly speaker: HTMLAudioElement;
  private readonly stall = new StallWatch();
  private microphone: Promise<MediaStream> | undefined;
  private preparing: Promise<Peer> | undefined;
  private peer: Peer | undefined;
  private watch: ReturnType<typeof setInterval> | undefined;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private wanted = false;
  private tries = 0;
  private onCall = false;
  private muted = false;
  private relayOnly = sound.get().relayOnly;

  constructor(
    private readonly attach: Attach,
    private readonly clientId: string,
    private readonly relays: RelayList,
  ) {
    this.speaker = new Audio();
    this.speaker.autoplay = true;
    sound.subscribe(() => void this.followPreferences());
    onNetworkChange(() => this.recover());
  }

  /** Opens the microphone and makes the offer; needs no server and no sign-in, so it can run ahead of both. */
  prepare(): void {
    this.preparing ??= this.offer();
    this.preparing.catch(() => undefined);
  }

  /** Brings the leg up, or up again. `takeover` takes the station from another browser. */
  async start(takeover = false): Promise<void> {
    this.wanted = true;
    clearTimeout(this.retry);
    this.update({ status: "attaching", problem: undefined, microphone: undefined });
    this.prepare();
    try {
      const peer = await this.preparing;
      if (!peer || !this.wanted) return;
      this.preparing = undefined;
      const { sdpAnswer } = await this.attach(peer.offer, this.clientId, takeover);
      if (!this.wanted) return peer.connection.close();
      await answerPeer(peer, sdpAnswer ?? "");
      this.tries = 0;
      this.use(peer);
    } catch (error) {
      this.preparing = undefined;
      this.refused(error, takeover);
    }
  }

  stop(): void {
    this.wanted = false;
    clearTimeout(this.retry);
    clearInterval(this.watch);
    this.drop(this.peer);
    this.peer = undefined;
    void this.microphone?.then((stream) => {
      for (const track of stream.getTracks()) track.stop();
    });
    this.microphone = undefined;
    this.preparing = undefined;
    this.state.set(IDLE);
  }

  /** Joined to a call or not: only then does silence on the line mean something. */
  setOnCall(onCall: boolean): void {
    if (onCall && !this.onCall) this.stall.reset(performance.now());
    this.onCall = onCall;
  }

  /** Another browser has the station: nothing is kept open here. */
  giveWay(problem?: Problem): void {
    this.stop();
    this.update({ status: "heldElsewhere", problem });
  }

  /** Takes the microphone off the air at once, and any other that is opened; the server is told separately. */
  setMuted(muted: boolean): void {
    if (muted === this.muted) return;
    this.muted = muted;
    void this.microphone?.then((stream) => this.applyMute(stream)).catch(() => undefined);
  }

  private applyMute(stream: MediaStream): void {
    for (const track of stream.getAudioTracks()) track.enabled = !this.muted;
  }

  private async offer(): Promise<Peer> {
    this.microphone ??= openMicrophone(sound.get().microphoneId, sound.get().processing);
    try {
      const stream = await this.microphone;
      this.applyMute(stream);
      for (const track of stream.getAudioTracks()) {
        track.addEventListener("ended", () => this.microphoneEnded(stream));
      }
      const iceServers = await this.relays.current();
      this.relayOnly = sound.get().relayOnly;
      return await createPeer(stream, {
        iceServers,
        relayOnly: this.relayOnly && this.relays.offered,
      });
    } catch (error) {
      this.microphone = undefined;
      throw error;
    }
  }

  /** Unplugged, or taken back by the person: open what there is now. */
  private microphoneEnded(stream: MediaStream): void {
    if (!this.wanted) return;
    void this.microphone?.then((current) => {
      if (current !== stream) return;
      this.microphone = undefined;
      void this.start();
    });
  }

  private use(peer: Peer): void {
    const previous = this.peer;
    this.peer = peer;
    this.drop(previous);
    this.speaker.srcObject = peer.remote;
    void this.playOnSpeaker();
    void this.speaker.play().catch(() => undefined);
    this.listening.listen(peer.remote);
    this.stall.reset(performance.now());
    onPathLost(peer.connection, () => peer === this.peer && this.recover());
    clearInterval(this.watch);
    this.watch = setInterval(() => void this.observe(), WATCH_MS);
    this.update({ status: "attached", stalled: false, attachTime: Date.now() });
  }

  /** Another speaker is taken at once; another way for the sound needs another connection. */
  private async followPreferences(): Promise<void> {
    const { relayOnly } = sound.get();
    if (relayOnly !== this.relayOnly && this.peer && this.wanted) void this.start();
    await this.playOnSpeaker();
  }

  private async playOnSpeaker(): Promise<void> {
    try {
      await this.speaker.setSinkId?.(sound.get().speakerId);
    } catch {
      // The chosen speaker is gone: the default one plays.
    }
  }

  /**
   * The way to the server is gone or another one: a new connection beside the old one, which goes on should it be
   * better than thought. Not while one is being made, and ever more rarely when it doesn't help.
   */
  private recover(): void {
    if (!this.wanted || !this.peer || this.state.get().status === "attaching") return;
    const settling = ["new", "connecting"].includes(this.peer.connection.connectionState);
    if (!settling && this.stall.mayTry(performance.now())) void this.start();
  }

  private async observe(): Promise<void> {
    const peer = this.peer;
    if (!peer) return;
    const figures = await readFigures(peer.connection);
    if (peer !== this.peer) return;
    const hearing = this.listening.level();
    this.noteRelay(peer);
    if (!this.onCall) return this.update({ figures, stalled: false, hearing });
    const verdict = this.stall.observe(figures.packetsReceived, performance.now());
    this.update({ figures, stalled: verdict.stalled, hearing });
    const settling = ["new", "connecting"].includes(peer.connection.connectionState);
    if (verdict.reattach && !settling && this.state.get().status !== "attaching") void this.start();
  }

  /** Credentials that ran out, or a relay that has another secret: told, and asked for anew with the next connection. */
  private noteRelay(peer: Peer): void {
    const before = this.state.get().relayRefused;
    if (peer.relayRefused === before) return;
    if (peer.relayRefused !== undefined) this.relays.forget();
    this.update({ relayRefused: peer.relayRefused });
  }

  private refused(error: unknown, takeover: boolean): void {
    if (!this.wanted) return;
    if (!(error instanceof Problem)) {
      const known = error instanceof MicrophoneError || error instanceof DOMException;
      const problem = known ? undefined : new Problem(0, "MEDIA_FAILED", String(error));
      return this.update({
        status: "failed",
        microphone: known ? microphoneProblem(error) : undefined,
        problem,
      });
    }
    if (error.reason === "STATION_HELD_BY_OTHER_TAB") {
      return this.giveWay(error);
    }
    const hopeless =
      error.status >= 400 && error.status < 500 && error.status !== 401 && error.status !== 429;
    if (hopeless) return this.update({ status: "failed", problem: error });
    this.update({ status: "lost", problem: error });
    const pause = RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)];
    this.retry = setTimeout(() => void this.start(takeover), pause);
  }

  private drop(peer: Peer | undefined): void {
    peer?.connection.close();
  }

  private update(change: Partial<LegState>): void {
    this.state.set((previous) => ({ ...previous, ...change }));
  }
}
