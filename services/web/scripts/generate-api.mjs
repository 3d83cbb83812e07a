// Writes src/api/schema.d.ts from a running gateway's OpenAPI document (MERKEZ_GATEWAY, else the default port).
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const gateway = process.env.MERKEZ_GATEWAY ?? "http://127.0.0.1:8080";
const web = fileURLToPath(new URL("..", import.meta.url));
const run = spawnSync("npx", ["openapi-typescript", `${gateway}/openapi.json`, "-o", "src/api/schema.d.ts"], {
  cwd: web,
  stdio: "inherit",
});
process.exit(run.status ?? 1);
