// Writes src/api/schema.d.ts from the API's document, which the gateway's code makes of the contract (PYTHON: the
// interpreter that has it, else the repository's). With --check it writes nothing and fails when the file is stale.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const web = fileURLToPath(new URL("..", import.meta.url));
const python = process.env.PYTHON ?? join(web, "../../.venv/bin/python");
const committed = join(web, "src/api/schema.d.ts");
const checking = process.argv.includes("--check");
const scratch = mkdtempSync(join(tmpdir(), "merkez-api-"));

function run(command, args) {
  const done = spawnSync(command, args, { cwd: web, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  if (done.status !== 0) throw new Error(done.stderr || String(done.error));
  return done.stdout;
}

try {
  const document = join(scratch, "openapi.json");
  const made = join(scratch, "schema.d.ts");
  writeFileSync(document, run(python, ["-m", "gateway.openapi"]));
  run(join(web, "node_modules/.bin/openapi-typescript"), [document, "-o", made]);
  const types = readFileSync(made, "utf8");
  if (!checking) writeFileSync(committed, types);
  else if (readFileSync(committed, "utf8") !== types) {
    console.error("src/api/schema.d.ts is stale: run `make proto`");
    process.exitCode = 1;
  }
} finally {
  rmSync(scratch, { recursive: true });
}
