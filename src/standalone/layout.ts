// Lays out the programs for all batch sizes in the one memory of a module.
import { ACTIVATIONS } from "../compile/instruction.ts";
import type { Program } from "../compile/program.ts";
import type { Frozen } from "../inference/frozen.ts";
import { prepared } from "../inference/prepared.ts";
import { type Imaged, image } from "../replay/image.ts";
import type { ProgramEntry, Run } from "../replay/program-file.ts";
import { type Constants, gather } from "./constants.ts";
import type { ModuleProgram } from "./module-text.ts";

const WEIGHTS = "weights";

/** The programs for all batch sizes in one memory: they take turns in it, and have their constants together. */
export function laidOut(frozen: ReadonlyMap<number, Frozen>) {
  const all = [...frozen].map(([batch, each]) => ({ batch, ...each, ...prepared(each) }));
  const constants = gather(all.flatMap(({ once, program }) => (once ? [once, program] : [program])));
  const turns = { input: {}, output: {}, scratch: {}, [ACTIVATIONS]: {} };
  const programs = new Map<string, Imaged>();
  // What the first batch size has made once, others that would make the same read there.
  const makers = new Map<string, Program>();
  for (const { batch, once, program, input, output } of all) {
    const doing = once && JSON.stringify([once.kernels, [...once.words], relocated(once, constants)]);
    const maker = doing === undefined ? undefined : makers.get(doing);
    const own = { ...turns, [WEIGHTS]: constants, prepared: maker ?? program };
    const places: Imaged["places"] = {
      input: { role: "input", type: "f32", shape: input.shape, region: "input" },
      output: { role: "output", type: "f32", shape: output.shape, region: "output" },
      weights: { role: "input", type: "u8", shape: [constants.bytes], region: WEIGHTS },
    };
    programs.set(`${batch}`, imaged(program, constants, own, places));
    if (!once || maker) continue;
    programs.set(`${batch} once`, imaged(once, constants, own, {}));
    makers.set(doing!, program);
  }
  const { programs: entries, runs, ...rest } = image(programs);
  const made = all.map(({ batch }): ModuleProgram => {
    const entry = entries.get(`${batch}`)!;
    const once = entries.get(`${batch} once`);
    const at = (place: string) => entry.places.get(place)!.address;
    return {
      examples: batch,
      input: at("input"),
      output: at("output"),
      run: words(entry),
      once: once && words(once),
    };
  });
  const address = entries.get(`${all[0]!.batch}`)!.places.get("weights")!.address;
  return { ...rest, runs: runs.map(withoutZeros), constants, address, programs: made };
}

/** What a program reads of its own constants, in the region that all programs have together. */
const relocated = (program: Program, constants: Constants) =>
  program.relocations.map((each) =>
    each.region === "constants" ? { ...each, region: WEIGHTS, offset: constants.place(program, each) } : each,
  );

/** A program whose constants lie in the region that all programs have together. */
function imaged(
  program: Program,
  constants: Constants,
  owners: Readonly<Record<string, object>>,
  places: Imaged["places"],
): Imaged {
  const relocations = relocated(program, constants);
  const regions = new Map(program.regions).set(WEIGHTS, constants.bytes);
  regions.delete("constants");
  const { words, kernels, scratchBytes } = program;
  const sizes = new Map(regions).set("scratch", scratchBytes);
  const shared = new Map(
    [...sizes].flatMap(([name, bytes]) =>
      owners[name] ? [[name, { owner: owners[name], bytes }] as const] : [],
    ),
  );
  const imagedProgram = { words, kernels, scratchBytes, relocations, regions, constants: [] };
  return { program: imagedProgram, steps: 1, contents: new Map(), places, shared };
}

/** What is before the first number of a run and behind its last is zeros anyway. */
const withoutZeros = ({ address, bytes }: Run): Run => {
  const isNumber = (byte: number) => byte !== 0;
  const start = bytes.findIndex(isNumber);
  return { address: address + start, bytes: bytes.subarray(start, bytes.findLastIndex(isNumber) + 1) };
};

/** The control words of a run of one step, which follow each other in memory. */
const words = ({ control, steps }: ProgramEntry): number[] =>
  [...control, [steps, 1] as const].sort(([a], [b]) => a - b).map(([, value]) => value);
