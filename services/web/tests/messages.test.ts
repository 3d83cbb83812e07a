import { i18n } from "@lingui/core";
import { compileMessage } from "@lingui/message-utils/compileMessage";
import { expect, test } from "vitest";
import { readMessages } from "../build/messages.ts";

const ENTRY = readMessages(false)["notice.times"] ?? {};

test.each([
  ["en", "Seen once, on", "Seen 3 times, last on"],
  ["tr", "Bir kez görüldü:", "3 kez görüldü, son:"],
  ["az", "Bir dəfə baş verib:", "3 dəfə baş verib, sonuncu:"],
  ["fa", "یک بار رخ داد:", "۳ بار رخ داد، آخرین بار:"],
])("what happened once is not said to have happened 1 times (%s)", (language, once, thrice) => {
  i18n.loadAndActivate({ locale: language, messages: { times: compileMessage(ENTRY[language] ?? "") } });
  expect(i18n._("times", { count: 1 })).toBe(once);
  expect(i18n._("times", { count: 3 })).toBe(thrice);
});
