/**
 * Turns `src/messages/<area>.json` (one entry per key, all four languages side by side) into two compiled catalogues
 * per language: `virtual:messages/<language>` is what shell and desktop say, `virtual:messages/<language>/pages` the
 * rest, which lazy pages bring along. Messages are ICU MessageFormat and are compiled here, so the browser gets no
 * parser.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { compileMessage } from "@lingui/message-utils/compileMessage";
import type { Plugin } from "vite";

export const MESSAGE_FOLDER = resolve(import.meta.dirname, "../src/messages");
const PREFIX = "virtual:messages/";

type Entry = Record<string, string>;

const SHELL_AREAS = ["common.json", "desktop.json"];

/** The keys of the shell's areas, or of the others, with their text per language. */
export function readMessages(shell: boolean, folder = MESSAGE_FOLDER): Record<string, Entry> {
  const all: Record<string, Entry> = {};
  for (const file of readdirSync(folder).filter((name) => SHELL_AREAS.includes(name) === shell)) {
    const area = JSON.parse(readFileSync(join(folder, file), "utf8")) as Record<string, Entry>;
    for (const [key, entry] of Object.entries(area)) {
      if (key in all) throw new Error(`message ${key} is defined twice (second in ${file})`);
      all[key] = entry;
    }
  }
  return all;
}

function compileCatalogue(name: string): string {
  const [language = "en", part] = name.split("/");
  const compiled: Record<string, unknown> = {};
  for (const [key, entry] of Object.entries(readMessages(part !== "pages"))) {
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
