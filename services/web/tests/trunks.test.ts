import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { Problem } from "../src/api/problem.ts";
import { countryName, searchable } from "../src/format/countries.ts";
import { decimalText } from "../src/format/typed.ts";
import { complaintAt, numbersOf, readRates, writeRates } from "../src/pages/admin/trunkText.ts";

test("prices are read one country a line, a star for all others, with a comma or a point", () => {
  const { rates, wrong } = readRates("TR 0.045\n\naz: 0,02\n* 0.2\n");
  expect(wrong).toBeUndefined();
  expect(rates).toEqual([
    { country: "TR", price: "0.045" },
    { country: "AZ", price: "0.02" },
    { country: "", price: "0.2" },
  ]);
  expect(writeRates(rates)).toBe("TR 0.045\nAZ 0.02\n* 0.2");
});

test("the first line that is no price is named", () => {
  expect(readRates("TR 0.045\nTurkey cheap").wrong).toBe(2);
  expect(readRates("TR 0.045\n\nTR").wrong).toBe(3);
});

test("numbers are taken out of lines and cells, whatever stands beside them", () => {
  expect(numbersOf("Number;Name\r\n+902129001000;Sales\n'+902129001002 - +902129001009'\t\n\n")).toEqual([
    "+902129001000",
    "+902129001002 - +902129001009",
  ]);
  expect(numbersOf('"0212 900 10 00", "0212 900 10 01"')).toEqual(["0212 900 10 00", "0212 900 10 01"]);
  expect(numbersOf("۰۲۱۲۹۰۰۱۰۰۰، ۰۲۱۲۹۰۰۱۰۰۱")).toEqual(["02129001000", "02129001001"]);
  expect(numbersOf("Sales\n \n")).toEqual([]);
});

test("amounts may be typed in Persian digits", () => {
  expect(readRates("IR ۰٫۵").rates).toEqual([{ country: "IR", price: "0.5" }]);
  expect(decimalText(" ۱۲٫۵ ")).toBe("12.5");
});

test("countries are named in the reader's language", () => {
  expect(countryName("DE", "en")).toBe("Germany");
  expect(countryName("DE", "az")).toBe("Almaniya");
  expect(countryName("DE", "tr")).toBe("Almanya");
  expect(countryName("DE", "fa")).toBe("آلمان");
});

test("countries are found without the marks on their letters", () => {
  expect(searchable(countryName("TR", "tr"))).toContain(searchable("turkiye"));
  expect(searchable(countryName("TR", "az"))).toContain(searchable("Turkiye"));
  expect(searchable("IRAN")).toBe(searchable("İran"));
  expect(searchable("آمريكا")).toBe(searchable("آمریکا"));
});

test("pages ask for complaints by the names that the API gives fields", () => {
  const pages = fileURLToPath(new URL("../src/pages", import.meta.url));
  const sources = readdirSync(pages, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".tsx"))
    .map((name) => readFileSync(join(pages, name), "utf8"));
  const asked = sources.flatMap((text) =>
    [...text.matchAll(/(?:complaintAt|fieldProblem)\(\w+, ["`]([^"`]+)["`]/g)].map((found) => found[1]),
  );
  expect(asked.length).toBeGreaterThan(20);
  expect(asked.filter((path) => path?.includes("_"))).toEqual([]);
});

test("what the server has against a trunk stands at the field it is about", () => {
  const problem = new Problem(400, "INVALID_INPUT", "", [
    { field: "trunk.sourceNetworks[1]", description: "is no address" },
    { field: "trunk.limits.spendLimit.currency", description: "must be the trunk's" },
  ]);
  expect(complaintAt(problem, "trunk.sourceNetworks")).toBe("is no address");
  expect(complaintAt(problem, "trunk.limits.spendLimit")).toBe("must be the trunk's");
  expect(complaintAt(problem, "trunk.source")).toBeUndefined();
});
