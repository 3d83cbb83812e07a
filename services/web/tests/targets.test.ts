/** What an agent types to hand a call on. */
import { expect, test } from "vitest";
import type { Colleague, Flow, Queue } from "../src/api/types.ts";
import { asNumber, choicesOf } from "../src/desktop/ui/targets.ts";
import { latinDigits } from "../src/format/numbers.ts";

const COLLEAGUES = [
  { agentId: "usr_1", displayName: "Şirin Yılmaz", state: "AGENT_STATE_OFFLINE" },
  { agentId: "usr_2", displayName: "İlqar", state: "AGENT_STATE_NOT_READY", reachable: true },
  { agentId: "usr_3", displayName: "Şirin Əliyeva", state: "AGENT_STATE_AVAILABLE", reachable: true },
] as Colleague[];
const QUEUES = [{ queueId: "que_1", displayName: "Billing" }] as Queue[];
const FLOWS = [
  { flowId: "flw_1", displayName: "Survey", releaseId: "rel_1" },
  { flowId: "flw_2", displayName: "Draft only" },
] as Flow[];

const names = (typed: string) => choicesOf(COLLEAGUES, QUEUES, FLOWS, typed).map(({ name }) => name);

test("whoever is free stands first, and what can't be reached is not there", () => {
  expect(names("")).toEqual(["Şirin Əliyeva", "İlqar", "Şirin Yılmaz", "Billing", "Survey"]);
});

test("a name is found as people type it in a hurry", () => {
  expect(names("sirin")).toEqual(["Şirin Əliyeva", "Şirin Yılmaz"]);
  expect(names("yilmaz")).toEqual(["Şirin Yılmaz"]);
  expect(names("ilqar")).toEqual(["İlqar"]);
});

test("somebody who went home can't be chosen, unless their telephone rings", () => {
  const away = (colleagues: Colleague[]) => choicesOf(colleagues, [], [], "").map((each) => each.away);
  expect(away(COLLEAGUES)).toEqual([false, false, true]);
  expect(away(COLLEAGUES.map((each) => ({ ...each, reachable: true })))).toEqual([false, false, false]);
});

test.each([
  ["+90 532 123 45 67", "+905321234567"],
  ["(0532) 123-4567", "05321234567"],
  ["۰۵۳۲ ۱۲۳ ۴۵ ۶۷", "05321234567"],
  ["112", "112"],
  ["12", undefined],
  ["call me", undefined],
  ["12+3", undefined],
])("%s is read as %s", (typed, number) => {
  expect(asNumber(typed)).toBe(number);
});

test("a number that was typed is the first choice", () => {
  expect(choicesOf(COLLEAGUES, QUEUES, FLOWS, "0532 111")[0]?.target).toEqual({ number: "0532111" });
});

test("digits of Persian and Arabic keyboards are digits", () => {
  expect(latinDigits("۱۲٣")).toBe("123");
});
