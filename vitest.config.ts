// How the tests run: each file in a process of its own, against the built modules as Node loads them.
import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/** Node 20 has relaxed SIMD behind a flag; with it both instruction sets are tested there too. */
const relaxed = process.versions.node.startsWith("20.") ? ["--experimental-wasm-relaxed-simd"] : [];

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    execArgv: relaxed,
    // Most of the time goes into the reference, on one thread; by default two cores would get one process.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // Transformed, the engine would not find its worker and its modules would differ from what is published.
    server: { deps: { external: [/\/build\//] } },
    testTimeout: 60_000,
  },
});
