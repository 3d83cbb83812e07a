import { resolve } from "node:path";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { isShellIcon } from "./build/icons.ts";
import { messages } from "./build/messages.ts";

const gateway = process.env.MERKEZ_GATEWAY ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react(), messages()],
  resolve: {
    alias: [
      // Two libraries bring a stand-in for what React has had since 18, and the shell would wait for it.
      { find: /^use-sync-external-store\/shim(\/index\.js)?$/, replacement: "react" },
    ],
  },
  build: {
    outDir: "dist",
    emptyOutDir: true,
    target: "es2022",
    sourcemap: false,
    manifest: true,
    // Without this the entry preloads nothing of its lazy pages; the size check reads the same manifest.
    rollupOptions: {
      input: {
        app: resolve(import.meta.dirname, "index.html"),
        brand: resolve(import.meta.dirname, "brand.html"),
      },
      output: { codeSplitting: { groups: [{ name: "icons", test: isShellIcon }] } },
    },
  },
  server: {
    proxy: {
      "/v1": { target: gateway, ws: true },
      "/widget": { target: gateway, ws: true },
      "/openapi.json": { target: gateway },
    },
  },
  // A machine that has much to do stands still for seconds, and nothing is wrong for that.
  test: { include: ["tests/**/*.test.ts"], environment: "node", testTimeout: 60_000, hookTimeout: 60_000 },
});
