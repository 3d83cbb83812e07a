/** Whom a call can be handed to, and which of them the typed words mean. Pure. */
import type { Colleague, Flow, Queue } from "../../api/types.ts";
import { latinDigits } from "../../format/numbers.ts";
import type { Target } from "../calls.ts";

export type Kind = "agent" | "queue" | "flow" | "number";

export interface Choice {
  key: string;
  kind: Kind;
  name: string;
  target: Target;
  /** An agent's state, without its prefix. */
  state?: string;
  /** A call would reach nobody: whoever went home may still have a telephone that rings. */
  away?: boolean;
}

const ORDER = ["AVAILABLE", "OFFERED", "ON_CONTACT", "WRAP_UP", "NOT_READY", "OFFLINE"];

export function choicesOf(
  colleagues: readonly Colleague[],
  queues: readonly Queue[],
  flows: readonly Flow[],
  typed: string,
): Choice[] {
  const number = asNumber(typed);
  const all: Choice[] = [
    ...colleagues.map(agentChoice).sort((a, b) => rank(a) - rank(b)),
    ...queues.map(({ queueId = "", displayName = "" }): Choice => {
      return { key: queueId, kind: "queue", name: displayName, target: { queueId } };
    }),
    ...flows
      .filter((flow) => flow.releaseId)
      .map(({ flowId = "", displayName = "" }): Choice => {
        return { key: flowId, kind: "flow", name: displayName, target: { flowId } };
      }),
  ];
  const wanted = fold(typed);
  const found = all.filter((choice) => fold(choice.name).includes(wanted));
  return number ? [{ key: "number", kind: "number", name: number, target: { number } }, ...found] : found;
}

function agentChoice({ agentId = "", displayName = "", state, reachable }: Colleague): Choice {
  const short = (state ?? "").replace(/^AGENT_STATE_/, "");
  return {
    key: agentId,
    kind: "agent",
    name: displayName,
    target: { agentId },
    state: short || "OFFLINE",
    away: !reachable,
  };
}

const rank = (choice: Choice): number => ORDER.indexOf(choice.state ?? "");

/** Letters as people type them when they are in a hurry: without case and accents. */
function fold(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").replaceAll("ı", "i").toLocaleLowerCase("en").trim();
}

const LEAST_DIGITS = 3;

/** A telephone number in what was typed, with Latin digits; undefined when it is none. The server reads the rest. */
export function asNumber(typed: string): string | undefined {
  const plain = latinDigits(typed).replace(/[\s()./-]/g, "");
  return /^\+?\d+$/.test(plain) && plain.replace("+", "").length >= LEAST_DIGITS ? plain : undefined;
}
