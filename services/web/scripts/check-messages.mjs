// Every message has a text in all four languages with the same placeholders, every key used exists, none is unused.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compileMessage } from "@lingui/message-utils/compileMessage";

const LANGUAGES = ["en", "tr", "az", "fa"];
const source = fileURLToPath(new URL("../src", import.meta.url));
const problems = [];

const messages = {};
for (const file of readdirSync(join(source, "messages"))) {
  for (const [key, entry] of Object.entries(
    JSON.parse(readFileSync(join(source, "messages", file), "utf8")),
  )) {
    if (key in messages) problems.push(`${file}: ${key} is defined twice`);
    messages[key] = entry;
  }
}

/** The names a message takes, those within its plural forms too. */
const names = (message) =>
  (Array.isArray(message) ? message : []).flatMap((part) =>
    Array.isArray(part) ? [part[0], ...Object.values(part[2] ?? {}).flatMap(names)] : [],
  );
const placeholders = (text) => [...new Set(names(compileMessage(text)))].sort().join();
for (const [key, entry] of Object.entries(messages)) {
  for (const language of LANGUAGES) {
    if (!entry[language]?.trim()) problems.push(`${key}: no ${language} text`);
    else if (placeholders(entry[language]) !== placeholders(entry.en)) {
      problems.push(`${key}: ${language} has other placeholders than en`);
    }
  }
  if (entry.fa === entry.en && /[a-z]{4}/i.test(entry.en)) problems.push(`${key}: fa is the English text`);
}

const files = readdirSync(source, { recursive: true })
  .filter((name) => /\.tsx?$/.test(name) && !name.endsWith(".d.ts"))
  .map((name) => readFileSync(join(source, name), "utf8"));
const code = files.join("\n");
// Keys that are put together from a server's value: t(`state.${…}`) and textOr("state", …).
const families = new Set([
  ...[...code.matchAll(/`([\w.]+)\.\$\{/g)].map((found) => found[1]),
  ...[...code.matchAll(/textOr\(\s*"([\w.]+)"/g)].map((found) => found[1]),
]);
const inFamily = (key) => [...families].some((family) => key.startsWith(`${family}.`));
for (const key of Object.keys(messages)) {
  if (!inFamily(key) && !code.includes(`"${key}"`)) problems.push(`${key}: not used anywhere`);
}
for (const [, key] of code.matchAll(/\bt\("([\w.]+)"/g)) {
  if (!(key in messages)) problems.push(`${key}: used but not defined`);
}

for (const problem of problems) console.error(problem);
console.log(`${Object.keys(messages).length} messages in ${LANGUAGES.length} languages`);
process.exit(problems.length > 0 ? 1 : 0);
