import { beforeEach, describe, expect, it } from "vitest";
import { type FactEvent, SocketClient, type Wire } from "../src/socket/socket.ts";

class FakeWire implements Wire {
  sent: Record<string, unknown>[] = [];
  closed = false;
  onopen: ((event: Event) => void) | null = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;
  send(text: string) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.closed = true;
  }
  push(message: object) {
    this.onmessage?.({ data: JSON.stringify(message) } as MessageEvent);
  }
}

/** A clock whose timers run when time is moved. */
class FakeTime {
  now = 1_000_000;
  private timers: { at: number; work: () => void }[] = [];
  set = (work: () => void, ms: number) => {
    const timer = { at: this.now + ms, work };
    this.timers.push(timer);
    return timer;
  };
  clear = (timer: unknown) => {
    this.timers = this.timers.filter((each) => each !== timer);
  };
  pass(ms: number) {
    const end = this.now + ms;
    for (;;) {
      const due = this.timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.now = due.at;
      this.clear(due);
      due.work();
    }
    this.now = end;
  }
}

let time: FakeTime;
let wires: FakeWire[];
let renewals: boolean[];
let client: SocketClient;

beforeEach(() => {
  time = new FakeTime();
  wires = [];
  renewals = [];
  client = new SocketClient({
    open: () => {
      const wire = new FakeWire();
      wires.push(wire);
      return wire;
    },
    token: async (renew) => {
      renewals.push(renew);
      return "token";
    },
    now: () => time.now,
    setTimer: time.set,
    clearTimer: time.clear,
    random: () => 1,
  });
});

const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

async function open(): Promise<FakeWire> {
  client.connect();
  await settle();
  const wire = wires.at(-1) as FakeWire;
  wire.onopen?.({} as Event);
  wire.push({ type: "welcome", time: new Date(time.now + 2500).toISOString() });
  return wire;
}

describe("socket", () => {
  it("says hello first, then subscribes, and keeps the server's clock", async () => {
    client.subscribe("wallboard");
    const wire = await open();
    expect(wire.sent[0]).toEqual({ type: "hello", token: "token" });
    expect(wire.sent[1]).toEqual({ type: "subscribe", topics: ["wallboard"] });
    expect(client.serverNow() - time.now).toBe(2500);
  });

  it("hands a fact out once, however often it comes", async () => {
    const wire = await open();
    const facts: FactEvent[] = [];
    client.onFact((fact) => facts.push(fact));
    const event = { type: "event", id: "evt_1", time: "", fact: "OfferMade", data: {} };
    wire.push(event);
    wire.push(event);
    expect(facts.map((fact) => fact.id)).toEqual(["evt_1"]);
  });

  it("answers requests by their id and rejects a refused one with its reason", async () => {
    const wire = await open();
    const good = client.request<{ ok: boolean }>("a.B/C", {});
    const bad = client.request("a.B/D", {});
    wire.push({ type: "response", id: 2, problem: { status: 409, reason: "OFFER_NOT_PENDING" } });
    wire.push({ type: "response", id: 1, body: { ok: true } });
    await expect(good).resolves.toEqual({ ok: true });
    await expect(bad).rejects.toMatchObject({ status: 409, reason: "OFFER_NOT_PENDING" });
  });

  it("gives up on a request that is never answered", async () => {
    await open();
    const request = client.request("a.B/C", {}, 3000);
    const outcome = expect(request).rejects.toMatchObject({ reason: "NO_ANSWER" });
    time.pass(3000);
    await outcome;
  });

  it("says by the server's clock until when a request means anything", async () => {
    const wire = await open();
    client.request("a.B/C", {}, 8000, 2000).catch(() => undefined);
    const { before } = wire.sent.at(-1) as { before: string };
    expect(Date.parse(before)).toBe(client.serverNow() + 2000);
  });

  it("drops a line that answers no ping, and comes back", async () => {
    const wire = await open();
    time.pass(15_000);
    expect(wire.closed).toBe(true);
    time.pass(1000);
    await settle();
    expect(wires).toHaveLength(2);
  });

  it("asks for a new token when the old one was refused", async () => {
    const wire = await open();
    wire.onclose?.({ code: 4401 } as CloseEvent);
    time.pass(1000);
    await settle();
    expect(renewals).toEqual([false, true]);
  });

  it("stays closed once it was closed on purpose", async () => {
    await open();
    client.close();
    time.pass(60_000);
    await settle();
    expect(wires).toHaveLength(1);
  });
});
