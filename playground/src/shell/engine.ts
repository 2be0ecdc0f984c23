// The one engine of the page. Made when it is first wanted, so that the first view need not load it.
import { createEngine, type Engine } from "downhill";

let made: Promise<Engine> | undefined;

/**
 * The engine of the page, with as many threads as it may have, and numbers that are the same everywhere. One that
 * could not be made is tried anew by the next who asks.
 */
export function engine(): Promise<Engine> {
  made ??= createEngine({ numerics: "exact" }).catch((error) => {
    made = undefined;
    throw error;
  });
  return made;
}
