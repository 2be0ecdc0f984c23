// Hosts of one thread that have their modules before they are asked for them: workerd, edge-light and slim.
import { EngineError } from "../core/errors.ts";
import type { Host, InstructionSet } from "./host.ts";

/** A host of these modules; `missing` says how to bring one that is not there. */
export function hostOf(
  modules: Partial<Record<InstructionSet, WebAssembly.Module>>,
  missing: (instructionSet: InstructionSet) => string,
): Host {
  const compileSync: Host["compileSync"] = ({ instructionSet }) => {
    const module = modules[instructionSet];
    if (!module)
      throw new EngineError(`engine: ${instructionSet} module: got none, ${missing(instructionSet)}`);
    return module;
  };
  return {
    offers: (instructionSet) => modules[instructionSet] !== undefined,
    compile: async (variant) => compileSync(variant),
    compileSync,
    isPage: () => "document" in globalThis,
    cores: () => undefined,
  };
}
