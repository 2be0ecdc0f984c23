// Compiles tensors into a program whose results lie between canaries, and runs it on an engine: everything that the
// program may not touch holds a pattern before and must hold it after.

import type { Placement } from "#src/compile/emit";
import { compile, type Program } from "#src/compile/program";
import type { Engine } from "#src/engine/engine";
import type { LoadedProgram } from "#src/engine/loaded";
import type { Tensor } from "#src/graph/tensor";

/** A NaN that no kernel makes: as a number it spoils every result that it gets into. */
const CANARY = 0x7fc0dead;
const LINE = 64;
/** What an allocation may be larger than asked for: rounding to lines, and the distance between large blocks. */
const SLACK = 6 * LINE;

/** Numbers for the inputs of a graph. */
export type Given = ReadonlyMap<Tensor, ArrayLike<number>>;

/** A program with places for its inputs and outputs. */
export class Trial {
  readonly program: Program;
  /** The number of the step, for ops that ask for it. */
  step = 1;
  readonly #inputs: Given;
  readonly #outputs: readonly Tensor[];
  readonly #placements: ReadonlyMap<Tensor, Placement>;

  constructor(inputs: Given, outputs: readonly Tensor[]) {
    const placements = new Map<Tensor, Placement>();
    const offsets = new Map<string, number>();
    const place = (region: string, tensor: Tensor) => {
      // The line before each tensor is canaries, and what is left of its last one.
      const offset = (offsets.get(region) ?? 0) + LINE;
      placements.set(tensor, { region, offset });
      offsets.set(region, offset + Math.ceil(tensor.bytes / LINE) * LINE);
    };
    for (const tensor of inputs.keys()) place("input", tensor);
    for (const tensor of outputs) if (!placements.has(tensor)) place("output", tensor);
    this.#inputs = inputs;
    this.#outputs = outputs;
    this.#placements = placements;
    this.program = compile({
      graph: outputs[0]!.graph,
      placements,
      step: { region: "step", offset: 0 },
      after: (emitter) => {
        for (const region of offsets.keys()) emitter.part(region, "canaries", offsets.get(region)!, LINE);
      },
    });
  }

  /** Runs the program on an engine; answers the words of each output. */
  async run(engine: Engine): Promise<Int32Array[]> {
    const before = engine.memoryUsed;
    const loaded = engine.load(this.program);
    try {
      return await this.#runLoaded(engine, loaded, before);
    } finally {
      loaded.release();
    }
  }

  async #runLoaded(engine: Engine, loaded: LoadedProgram, usedBefore: number): Promise<Int32Array[]> {
    checkMemory(this.program, loaded, engine.memoryUsed - usedBefore);
    for (const region of this.program.regions.keys()) {
      if (region !== "constants") loaded.integers(region).fill(CANARY);
    }
    new Int32Array(engine.memory.buffer, loaded.scratch.address, loaded.scratch.bytes >> 2).fill(CANARY);
    this.#write(loaded);
    const given = ["constants", "input"].filter((region) => this.program.regions.has(region));
    const kept = given.map((region) => loaded.integers(region).slice());
    await engine.run(loaded);
    for (const [k, region] of given.entries()) checkSame(region, kept[k]!, loaded.integers(region));
    if (this.program.regions.has("output")) this.#checkCanaries(loaded);
    return this.#outputs.map((tensor) => {
      const { region, offset } = this.#placements.get(tensor)!;
      return loaded.integers(region, offset, tensor.bytes / 4).slice();
    });
  }

  #write(loaded: LoadedProgram): void {
    if (this.program.regions.has("step")) loaded.integers("step")[0] = this.step;
    for (const [tensor, values] of this.#inputs) {
      const { region, offset } = this.#placements.get(tensor)!;
      const words = loaded.integers(region, offset);
      if (tensor.dtype === "i32") words.set(values);
      else if (tensor.dtype === "f32") loaded.floats(region, offset).set(values);
      else new Int8Array(words.buffer, words.byteOffset).set(values);
    }
  }

  #checkCanaries(loaded: LoadedProgram): void {
    const words = loaded.integers("output").slice();
    for (const tensor of this.#outputs) {
      const { region, offset } = this.#placements.get(tensor)!;
      if (region === "output") words.fill(CANARY, offset >> 2, (offset + tensor.bytes) >> 2);
    }
    const touched = words.findIndex((word) => word !== CANARY);
    if (touched >= 0)
      throw new Error(
        `a kernel wrote outside its output, at byte ${touched * 4} of the region:\n${this.program.listing()}`,
      );
  }
}

function checkSame(region: string, before: Int32Array, after: Int32Array): void {
  const at = before.findIndex((word, index) => word !== after[index]);
  if (at >= 0) throw new Error(`a kernel wrote to ${region}, at byte ${at * 4}`);
}

/** What the program says it needs is what it was given. */
function checkMemory(program: Program, loaded: LoadedProgram, used: number): void {
  const { total, program: code, scratch, ...regions } = program.memory;
  const { threads } = loaded.engine;
  const parts: [string, number, number][] = [
    ...Object.entries(regions).map(([name, bytes]): [string, number, number] => [
      name,
      bytes,
      loaded.region(name).bytes,
    ]),
    ["program", code!, loaded.code.bytes],
    ["scratch", scratch! * threads, loaded.scratch.bytes],
  ];
  for (const [name, said, given] of parts) {
    if (!(given >= said && given - said < SLACK))
      throw new Error(`program.memory: ${name}: says ${said} bytes, got ${given}`);
  }
  const sum = parts.reduce((bytes, [, , given]) => bytes + given, 0);
  if (sum !== used) throw new Error(`program.memory: its parts are given ${sum} bytes, but ${used} are used`);
  if (total !== parts.reduce((bytes, [, said]) => bytes + said, 0) - scratch! * (threads - 1)) {
    throw new Error("program.memory: total is not the sum of its parts for one thread");
  }
}
