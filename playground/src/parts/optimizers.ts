// Every optimizer by its name, made from options that a page knows as data. Loaded where it computes, not where it is shown.

import type { Transform } from "downhill/optim";
import * as optim from "downhill/optim";
import type { Options, OptionValue } from "./options.ts";

/** @throws OptionError of the optimizer for a value out of range. @throws Error for a name that is none. */
export function makeOptimizer(name: string, options: Options): Transform {
  const make = (optim as unknown as Record<string, ((options: object) => Transform) | undefined>)[name];
  if (!make) throw new Error(`optimizer: there is no ${name}`);
  const nested: Record<string, OptionValue | Record<string, OptionValue>> = {};
  for (const [key, value] of Object.entries(options)) {
    const [record = "", inner] = key.split(".");
    if (inner === undefined) nested[record] = value;
    else nested[record] = { ...(nested[record] as Record<string, OptionValue> | undefined), [inner]: value };
  }
  return make(nested);
}
