/**
 * The live connection to the gateway (`/v1/socket`): says hello with the access token, keeps itself alive, comes back
 * by itself, carries requests, and hands out facts and live hints. Everything it touches is passed in, so that tests
 * drive it with a socket and a clock of their own.
 */
import { Problem, problemFrom } from "../api/problem.ts";

export type SocketStatus = "closed" | "connecting" | "open" | "waiting";

export interface FactEvent {
  id: string;
  time: string;
  fact: string;
  data: Record<string, unknown>;
  screenPop?: unknown;
  /** When it reached this page, ms since the epoch. */
  receivedTime: number;
}

/** The part of WebSocket that is used. */
export interface Wire {
  send(text: string): void;
  close(): void;
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
}

export interface SocketParts {
  open: () => Wire;
  /** A token to say hello with; `renew` when the last one was refused. */
  token: (renew: boolean) => Promise<string | undefined>;
  now: () => number;
  setTimer: (work: () => void, ms: number) => unknown;
  clearTimer: (timer: unknown) => void;
  random: () => number;
}

interface Pending {
  resolve: (body: unknown) => void;
  reject: (problem: Problem) => void;
  timer: unknown;
}

type Incoming = { type: string } & Record<string, unknown>;

/** The gateway's close code for a token it does not take. */
const TOKEN_REFUSED = 4401;
const PING_MS = 5000;
/** Pings without any answer before the connection counts as dead. Counted, not timed: a sleeping tab's timers are late. */
const UNANSWERED_PINGS = 2;
const REMEMBERED_EVENTS = 500;

export class SocketClient {
  status: SocketStatus = "closed";
  /** Server time minus ours, in ms. */
  clockOffset = 0;

  private wire: Wire | undefined;
  private attempt = 0;
  private nextId = 1;
  private refusedToken = false;
  private unanswered = 0;
  private pingTimer: unknown;
  private retryTimer: unknown;
  private topics = new Set<string>();
  private readonly pending = new Map<number, Pending>();
  private readonly seen = new Set<string>();
  private readonly factHandlers = new Set<(event: FactEvent) => void>();
  private readonly liveHandlers = new Map<string, Set<(data: unknown) => void>>();
  private readonly statusHandlers = new Set<(status: SocketStatus) => void>();

  constructor(private readonly parts: SocketParts) {}

  connect(): void {
    if (this.status === "closed") void this.open();
  }

  close(): void {
    this.parts.clearTimer(this.retryTimer);
    this.drop();
    this.setStatus("closed");
  }

  serverNow(): number {
    return this.parts.now() + this.clockOffset;
  }

  onFact(handler: (event: FactEvent) => void): () => void {
    this.factHandlers.add(handler);
    return () => this.factHandlers.delete(handler);
  }

  onStatus(handler: (status: SocketStatus) => void): () => void {
    this.statusHandlers.add(handler);
    return () => this.statusHandlers.delete(handler);
  }

  /** Live hints are lossy by declaration: the newest one is all that counts. */
  onLive(name: string, handler: (data: unknown) => void): () => void {
    const handlers = this.liveHandlers.get(name) ?? new Set();
    this.liveHandlers.set(name, handlers.add(handler));
    return () => handlers.delete(handler);
  }

  subscribe(...topics: string[]): void {
    for (const topic of topics) this.topics.add(topic);
    if (this.status === "open") this.send({ type: "subscribe", topics: [...this.topics] });
  }

  /** A fresh token for a connection that goes on. */
  renew(token: string): void {
    if (this.status === "open") this.send({ type: "hello", token });
  }

  /** `patienceMs`: what reaches the server later than this, over a network that was away, is not carried out. */
  request<T>(method: string, body: object, timeoutMs = 8000, patienceMs = timeoutMs): Promise<T> {
    if (this.status !== "open") return Promise.reject(Problem.offline());
    const id = this.nextId++;
    return new Promise<T>((resolve, reject) => {
      const timer = this.parts.setTimer(() => {
        this.pending.delete(id);
        reject(new Problem(504, "NO_ANSWER", ""));
      }, timeoutMs);
      this.pending.set(id, { resolve: resolve as (body: unknown) => void, reject, timer });
      const before = new Date(this.serverNow() + patienceMs).toISOString();
      this.send({ type: "request", id, method, body, before });
    });
  }

  private async open(): Promise<void> {
    this.setStatus("connecting");
    const token = await this.parts.token(this.refusedToken);
    this.refusedToken = false;
    if (this.status !== "connecting") return;
    if (!token) return this.retry();
    const wire = this.parts.open();
    this.wire = wire;
    wire.onopen = () => this.send({ type: "hello", token });
    wire.onmessage = (event) => wire === this.wire && this.receive(String(event.data));
    wire.onclose = (event) => {
      if (wire !== this.wire) return;
      this.refusedToken = event.code === TOKEN_REFUSED;
      this.lost();
    };
    this.unanswered = 0;
    this.schedulePing();
  }

  private receive(text: string): void {
    this.unanswered = 0;
    const message = JSON.parse(text) as Incoming;
    if (message.type === "welcome") this.welcome(message);
    else if (message.type === "event") this.fact(message);
    else if (message.type === "live") this.live(message);
    else if (message.type === "response") this.respond(message);
    else if (message.type === "ping") this.send({ type: "pong" });
    else if (message.type === "problem") this.refused(message);
  }

  private welcome(message: Incoming): void {
    const time = Date.parse(String(message.time ?? ""));
    if (!Number.isNaN(time)) this.clockOffset = time - this.parts.now();
    const renewal = this.status === "open";
    this.attempt = 0;
    if (renewal) return;
    if (this.topics.size > 0) this.send({ type: "subscribe", topics: [...this.topics] });
    this.setStatus("open");
  }

  private fact(message: Incoming): void {
    const id = String(message.id ?? "");
    if (id && this.seen.has(id)) return; // at-least-once below us, once above
    this.seen.add(id);
    if (this.seen.size > REMEMBERED_EVENTS) this.seen.delete(this.seen.values().next().value ?? "");
    const event = { ...message, receivedTime: this.parts.now() } as unknown as FactEvent;
    for (const handler of [...this.factHandlers]) handler(event);
  }

  private live(message: Incoming): void {
    for (const handler of [...(this.liveHandlers.get(String(message.name)) ?? [])]) handler(message.data);
  }

  private respond(message: Incoming): void {
    const pending = this.pending.get(Number(message.id));
    if (!pending) return;
    this.pending.delete(Number(message.id));
    this.parts.clearTimer(pending.timer);
    if (message.problem) pending.reject(problemFrom(500, message.problem));
    else pending.resolve(message.body ?? {});
  }

  /** The gateway refused our token: close and come back with a renewed one. */
  private refused(message: Incoming): void {
    const problem = (message.problem ?? message) as { status?: number };
    if (problem.status !== 401) return;
    this.refusedToken = true;
    this.lost();
  }

  private schedulePing(): void {
    this.parts.clearTimer(this.pingTimer);
    this.pingTimer = this.parts.setTimer(() => {
      if (this.unanswered >= UNANSWERED_PINGS) return this.lost();
      this.unanswered += 1;
      if (this.status === "open") this.send({ type: "ping" });
      this.schedulePing();
    }, PING_MS);
  }

  private lost(): void {
    this.drop();
    if (this.status !== "closed") this.retry();
  }

  private retry(): void {
    this.setStatus("waiting");
    const ceiling = Math.min(4000, 250 * 2 ** this.attempt++);
    this.parts.clearTimer(this.retryTimer);
    this.retryTimer = this.parts.setTimer(
      () => {
        if (this.status === "waiting") void this.open();
      },
      ceiling * (0.5 + this.parts.random() / 2),
    );
  }

  private drop(): void {
    this.parts.clearTimer(this.pingTimer);
    const wire = this.wire;
    this.wire = undefined;
    wire?.close();
    for (const { reject, timer } of this.pending.values()) {
      this.parts.clearTimer(timer);
      reject(Problem.offline());
    }
    this.pending.clear();
  }

  private send(message: object): void {
    this.wire?.send(JSON.stringify(message));
  }

  private setStatus(status: SocketStatus): void {
    if (status === this.status) return;
    this.status = status;
    for (const handler of [...this.statusHandlers]) handler(status);
  }
}
