import { expect, test } from "vitest";
import { keyOf } from "../src/pages/admin/lists/keys.ts";
import { withListTest } from "../src/pages/flows/conditions.ts";

test("a name suggests a key that expressions can say, and nothing where it has no Latin letters", () => {
  expect(keyOf("Best customers")).toBe("best_customers");
  expect(keyOf("Ən yaxşı müştərilər")).toBe("en_yaxsi_musteriler");
  expect(keyOf("Kara liste (İSTANBUL)")).toBe("kara_liste_istanbul");
  expect(keyOf("2024 VIP!")).toBe("vip");
  expect(keyOf("مشتریان")).toBe("");
});

test("a list is asked for besides what a condition asked before, which keeps its meaning", () => {
  expect(withListTest("", "vip", true)).toBe("in_list(caller_number, 'vip')");
  expect(withListTest(" tier == 'gold' ", "vip", false)).toBe(
    "tier == 'gold' and not in_list(caller_number, 'vip')",
  );
  expect(withListTest("a == '1' or b == '2'", "vip", true)).toBe(
    "(a == '1' or b == '2') and in_list(caller_number, 'vip')",
  );
});
