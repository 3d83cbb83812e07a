import { i18n } from "@lingui/core";
import { compileMessage } from "@lingui/message-utils/compileMessage";
import { expect, test } from "vitest";
import { readMessages } from "../build/messages.ts";
import { Problem } from "../src/api/problem.ts";
import { problemText } from "../src/ui/problemText.ts";

const TEXTS = { ...readMessages(true), ...readMessages(false) };

test.each(["en", "tr", "az", "fa"])(
  "a reason whose words end in what the server said of it has that behind them (%s)",
  (language) => {
    const messages = Object.entries(TEXTS).map(([key, texts]) => [
      key,
      compileMessage(texts[language] ?? ""),
    ]);
    i18n.loadAndActivate({ locale: language, messages: Object.fromEntries(messages) });
    const said = "There is no meter like this.";
    const reasons = Object.keys(TEXTS).filter(
      (key) => key.startsWith("problem.") && TEXTS[key]?.en?.includes("{detail}"),
    );
    expect(reasons).toContain("problem.PRICE_LIST_INVALID");
    for (const key of reasons) {
      expect(problemText(new Problem(400, key.replace("problem.", ""), said))).toContain(said);
    }
  },
);
