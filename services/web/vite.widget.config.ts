import { resolve } from "node:path";
import { defineConfig } from "vite";

/** The customer widget: one classic script that a client's site includes, `dist/widget.js`. */
export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "dist",
    emptyOutDir: false,
    copyPublicDir: false,
    target: "es2020",
    lib: {
      entry: resolve(import.meta.dirname, "widget/main.tsx"),
      formats: ["iife"],
      name: "MerkezWidget",
      fileName: () => "widget.js",
    },
  },
});
