/** What a customer is told when their call is over. */
import { expect, test } from "vitest";
import { phaseAtEnd } from "../widget/ends.ts";

test("a customer whose call was cut by us is asked to call again, whatever cut it", () => {
  for (const cause of ["NODE_LOST", "NODE_DRAINED", "MEDIA_LOST", "MEDIA_FAILED"])
    expect(phaseAtEnd(cause, undefined)).toBe("cut");
});

test("a call that somebody ended has ended, and one that was refused stays so", () => {
  expect(phaseAtEnd("NORMAL", undefined)).toBe("ended");
  expect(phaseAtEnd("NORMAL", "closed")).toBe("closed");
  expect(phaseAtEnd("CONCURRENT_CALL_LIMIT_REACHED", undefined)).toBe("refused");
});
