// The engines that tests run on: every number of threads with every instruction set that the runtime has, made once.
import { createEngine, type Engine } from "#src/engine/engine";
import { relaxedSupported } from "#src/engine/variant";

const made = new Map<string, Promise<Engine>>();

async function make(threads: number, numerics: "fast" | "exact"): Promise<Engine> {
  const engine = await createEngine({ threads, numerics });
  // Test programs are small: they would stay on one thread.
  engine.soloWork = 0;
  return engine;
}

/** The engine of so many threads. */
export function engineOf(threads: number, numerics: "fast" | "exact" = "exact"): Promise<Engine> {
  const key = `${threads} ${numerics}`;
  const known = made.get(key);
  if (known) return known;
  const engine = make(threads, numerics);
  made.set(key, engine);
  return engine;
}

/** "exact" is the plain instruction set, "fast" the relaxed one; without it they are the same. */
export const numericsToTest: readonly ("fast" | "exact")[] = relaxedSupported()
  ? ["exact", "fast"]
  : ["exact"];

/** Engines of each instruction set, by number of threads. */
export function enginesWith(
  numerics: "fast" | "exact",
  counts: readonly number[] = [1, 2, 3, 4],
): Promise<Engine[]> {
  return Promise.all(counts.map((threads) => engineOf(threads, numerics)));
}
