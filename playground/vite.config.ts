// How the playground is served and built: static files that run under any path and speak to no one.
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";
import { facts } from "./facts.ts";

/** What the built page may do: run and fetch what lies beside it, and nothing else. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** The policy stands in the page itself, so that it holds on every static host. Vite's own client would break it. */
const policy: Plugin = {
  name: "policy",
  apply: "build",
  transformIndexHtml: () => [
    {
      tag: "meta",
      attrs: { "http-equiv": "Content-Security-Policy", content: POLICY },
      injectTo: "head-prepend",
    },
  ],
};

/** With these a page may share memory between threads. */
const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
};

export default defineConfig({
  base: "./",
  plugins: [policy, facts],
  // What is not published, of the same build as what is.
  resolve: {
    alias: {
      "downhill/internals": fileURLToPath(new URL("../build/bundle/browser/internals.js", import.meta.url)),
    },
  },
  server: { headers, host: "127.0.0.1", fs: { allow: [".."] } },
  preview: { headers, host: "127.0.0.1" },
  worker: { format: "es" },
  // The wasm is in the scripts already; a chunk is no worse for being large when it is loaded only if needed.
  build: { target: "es2022", assetsInlineLimit: 0, modulePreload: false },
});
