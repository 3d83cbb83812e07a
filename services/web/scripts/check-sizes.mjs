// Fails when what a browser loads grows past its budget: everything the agent's desktop needs, and the widget.
// Builds into a folder of its own, so that a running system keeps serving dist/.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";

const web = fileURLToPath(new URL("..", import.meta.url));
const dist = `${mkdtempSync(join(tmpdir(), "merkez-web-"))}/`;
process.on("exit", () => rmSync(dist, { recursive: true, force: true }));
for (const config of ["vite.config.ts", "vite.widget.config.ts"]) {
  await build({
    root: web,
    configFile: join(web, config),
    logLevel: "warn",
    build: { outDir: dist, emptyOutDir: false },
  });
}
const manifest = JSON.parse(readFileSync(`${dist}.vite/manifest.json`, "utf8"));
const size = (file) => gzipSync(readFileSync(dist + file), { level: 9 }).length;

/** Every file behind these entries by static import, styles included. */
function reach(names) {
  const seen = new Set();
  const files = new Set();
  const visit = (name) => {
    const chunk = manifest[name];
    if (!chunk || seen.has(name)) return;
    seen.add(name);
    files.add(chunk.file);
    for (const style of chunk.css ?? []) files.add(style);
    for (const next of chunk.imports ?? []) visit(next);
  };
  for (const name of names) visit(name);
  return files;
}

// A desktop also loads its page, the shell around it and one language; Persian is the largest.
const shell = reach([
  "index.html",
  "src/draw.tsx",
  "src/Workplace.tsx",
  "src/pages/desktop/DesktopPage.tsx",
  Object.keys(manifest).find((name) => name.endsWith("virtual:messages/fa")) ?? "missing",
]);
const budgets = [
  ["agent shell", [...shell].reduce((sum, file) => sum + size(file), 0), 220_000],
  ["widget", size("widget.js"), 25_000],
];
let failed = false;
for (const [name, bytes, budget] of budgets) {
  const over = bytes > budget;
  failed ||= over;
  console.log(`${name}: ${(bytes / 1000).toFixed(1)} kB gz of ${budget / 1000} kB${over ? " - OVER" : ""}`);
}
process.exit(failed ? 1 : 0);
