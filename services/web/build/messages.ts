/**
 * Turns `src/messages/<area>.json` (one entry per key, all four languages side by side) into one compiled
 * catalogue per language: `virtual:messages/<language>`. Messages are ICU MessageFormat and are compiled here, so
 * the browser gets no parser.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { compileMessage } from "@lingui/message-utils/compileMessage";
import type { Plugin } from "vite";

export const MESSAGE_FOLDER = resolve(import.meta.dirname, "../src/messages");
const PREFIX = "virtual:messages/";

type Entry = Record<string, string>;

/** Every key of every area with its text per language. A key defined twice is an error. */
export function readMessages(folder = MESSAGE_FOLDER): Record<string, Entry> {
  const all: Record<string, Entry> = {};
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".json"))) {
    const area = JSON.parse(readFileSync(join(folder, file), "utf8")) as Record<string, Entry>;
    for (const [key, entry] of Object.entries(area)) {
      if (key in all) throw new Error(`message ${key} is defined twice (second in ${file})`);
      all[key] = entry;
    }
  }
  return all;
}

function compileCatalogue(language: string): string {
  const compiled: Record<string, unknown> = {};
  for (const [key, entry] of Object.entries(readMessages())) {
    compiled[key] = compileMessage(entry[language] ?? entry.en ?? key);
  }
  return `export default JSON.parse(${JSON.stringify(JSON.stringify(compiled))});`;
}

export function messages(): Plugin {
  return {
    name: "merkez-messages",
    resolveId(id) {
      return id.startsWith(PREFIX) ? `\0${id}` : undefined;
    },
    load(id) {
      return id.startsWith(`\0${PREFIX}`) ? compileCatalogue(id.slice(PREFIX.length + 1)) : undefined;
    },
    handleHotUpdate({ file, server }) {
      if (!file.startsWith(MESSAGE_FOLDER)) return;
      for (const module of server.moduleGraph.idToModuleMap.values()) {
        if (module.id?.startsWith(`\0${PREFIX}`)) server.moduleGraph.invalidateModule(module);
      }
      server.hot.send({ type: "full-reload" });
    },
  };
}
