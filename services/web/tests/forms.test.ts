import { expect, test } from "vitest";
import { wrongWith } from "../src/ui/wrongWith.ts";

test("a field says what it lacks, and an optional one that is empty lacks nothing", () => {
  expect(wrongWith({ required: true, value: "  " })).toBe("form.required");
  expect(wrongWith({ required: true, value: null })).toBe("form.required");
  expect(wrongWith({ required: true, value: [] })).toBe("form.required");
  expect(wrongWith({ required: true, value: "Acme" })).toBeUndefined();
  expect(wrongWith({ type: "email", value: "" })).toBeUndefined();
});

test("an e-mail address has two sides, and a password its least length", () => {
  expect(wrongWith({ type: "email", value: "alex" })).toBe("form.email");
  expect(wrongWith({ type: "email", value: "alex@" })).toBe("form.email");
  expect(wrongWith({ type: "email", value: " alex@example.com " })).toBeUndefined();
  expect(wrongWith({ minLength: 10, value: "short" })).toBe("form.short");
  expect(wrongWith({ minLength: 10, value: "ten letters" })).toBeUndefined();
});
