/** One call from a client's page: its socket, its media, its state. A reload or a lost network picks it up again. */
import { Listening } from "../src/media/listening.ts";
import { MicrophoneError, type MicrophoneProblem, openMicrophone } from "../src/media/microphone.ts";
import { answerPeer, createPeer, type Peer, readFigures } from "../src/media/peer.ts";

export type Phase =
  | "idle"
  | "microphone"
  | "calling"
  | "menu"
  | "queued"
  | "answered"
  | "held"
  | "lost"
  | "ended"
  | "refused"
  | "error";

export interface CallState {
  phase: Phase;
  problem: MicrophoneProblem | "failed" | undefined;
  muted: boolean;
  /** Milliseconds since the epoch at which an agent answered. */
  answeredAt: number | undefined;
}

const LIVE: readonly Phase[] = ["menu", "queued", "answered", "held", "lost"];
const STALL_MS = 1000;
const GIVE_UP_MS = 30_000;

interface Frame {
  type: string;
  state?: string;
  sdp?: string;
  token?: string;
  reason?: string;
}

export class Call {
  state: CallState = { phase: "idle", problem: undefined, muted: false, answeredAt: undefined };
  readonly listening = new Listening();
  private readonly audio = new Audio();
  private socket: WebSocket | undefined;
  private microphone: MediaStream | undefined;
  private peer: Peer | undefined;
  private token: string | undefined;
  private lostSince = 0;
  private lastPackets = 0;
  private lastHeard = 0;
  private watch: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly base: string,
    private readonly key: string,
    private readonly changed: () => void,
  ) {
    this.audio.autoplay = true;
    this.token = stored(this.memory);
    if (this.token) void this.pickUp();
  }

  get live(): boolean {
    return LIVE.includes(this.state.phase) || this.state.phase === "calling";
  }

  async start(callerName: string, callerNumber: string): Promise<void> {
    if (this.live) return;
    this.token = undefined;
    this.listening.wake();
    if (!(await this.prepare("microphone"))) return;
    this.set({ phase: "calling", muted: false, answeredAt: undefined });
    this.open(() => this.send({ type: "call", sdp: this.peer?.offer, callerName, callerNumber }));
  }

  hangUp(): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.send({ type: "hangUp" });
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
    this.set({ phase: "idle", problem: undefined });
  }

  private get memory(): string {
    return `merkez.widget.${this.key}`;
  }

  private async pickUp(): Promise<void> {
    this.lostSince ||= Date.now();
    this.set({ phase: "lost" });
    if (!(await this.prepare("lost"))) return;
    this.open(() => this.send({ type: "reattach", token: this.token, sdp: this.peer?.offer }));
  }

  private async prepare(phase: Phase): Promise<boolean> {
    this.set({ phase, problem: undefined });
    try {
      this.microphone ??= await openMicrophone("", true);
      this.peer?.connection.close();
      this.peer = await createPeer(this.microphone);
      return true;
    } catch (error) {
      this.fail(error instanceof MicrophoneError ? error.problem : "failed");
      return false;
    }
  }

  private open(ready: () => void): void {
    this.socket?.close();
    const socket = new WebSocket(`${this.base.replace(/^http/, "ws")}/widget/v1/socket?key=${this.key}`);
    this.socket = socket;
    socket.onopen = ready;
    socket.onmessage = ({ data }) => socket === this.socket && void this.receive(JSON.parse(data));
    socket.onclose = () => socket === this.socket && this.dropped();
  }

  private send(frame: object): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame));
  }

  private async receive(frame: Frame): Promise<void> {
    if (frame.type === "answer" && frame.sdp && this.peer) {
      this.token = frame.token;
      store(this.memory, frame.token);
      await answerPeer(this.peer, frame.sdp);
      this.audio.srcObject = this.peer.remote;
      void this.audio.play().catch(() => undefined);
      this.listening.listen(this.peer.remote);
      this.lostSince = 0;
      this.lastHeard = Date.now();
      this.watch ??= setInterval(() => void this.check(), 250);
    } else if (frame.type === "state") this.follow(frame.state ?? "", frame.reason ?? "");
    else if (frame.type === "problem" && !LIVE.slice(0, 4).includes(this.state.phase)) {
      if (this.state.phase === "lost") this.finish("ended");
      else this.fail("failed");
    }
  }

  private follow(state: string, reason: string): void {
    if (state === "ringing") return;
    if (state === "ended") {
      const refused = this.state.phase === "refused" || reason === "CONCURRENT_CALL_LIMIT_REACHED";
      this.finish(refused ? "refused" : "ended");
    } else if (state === "menu" || state === "queued" || state === "held" || state === "refused")
      this.set({ phase: state });
    else if (state === "answered") {
      this.set({ phase: "answered", answeredAt: this.state.answeredAt ?? Date.now() });
    }
  }

  /** Packets, not connectionState: that takes seven seconds to notice. */
  private async check(): Promise<void> {
    if (!this.peer || !this.live) return;
    const { packetsReceived } = await readFigures(this.peer.connection);
    if (packetsReceived !== this.lastPackets) {
      this.lastPackets = packetsReceived;
      this.lastHeard = Date.now();
    } else if (Date.now() - this.lastHeard > STALL_MS && this.state.phase !== "lost" && this.token) {
      this.lastHeard = Date.now();
      void this.pickUp();
    }
  }

  private dropped(): void {
    if (!this.live || !this.token) {
      if (this.state.phase === "calling") this.fail("failed");
      return;
    }
    if (this.lostSince && Date.now() - this.lostSince > GIVE_UP_MS) this.finish("ended");
    else setTimeout(() => void this.pickUp(), 500);
  }

  private fail(problem: MicrophoneProblem | "failed"): void {
    this.finish("error");
    this.set({ problem });
  }

  private finish(phase: Phase): void {
    clearInterval(this.watch);
    this.watch = undefined;
    const socket = this.socket;
    this.socket = undefined;
    // The hang-up must leave before the socket does.
    setTimeout(() => socket?.close(), 300);
    this.peer?.connection.close();
    this.peer = undefined;
    for (const track of this.microphone?.getTracks() ?? []) track.stop();
    this.microphone = undefined;
    this.token = undefined;
    this.lostSince = 0;
    store(this.memory, undefined);
    this.set({ phase, muted: false });
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
