// Measures the library in this browser, in a worker that may wait. What is timed is what `npm run bench` times on Node.
import { createEngine, type Engine } from "downhill";
import { architectures } from "../../../../bench/architectures.js";
import { unitsOf } from "../../../../bench/systems/downhill-units.js";
import { productElement } from "../../../../bench/workload.js";
import { METHODS } from "./methods.ts";
import type { BenchResult, BenchRow, CaseKind, Surroundings } from "./result.ts";
import { median } from "./result.ts";

export interface BenchSetting {
  /** Fewer and shorter samples, and no large product. */
  readonly quick: boolean;
  readonly browser: string;
  readonly machine: string;
}

export interface BenchUpdate {
  readonly done: number;
  readonly total: number;
  readonly name: string;
}

interface Case {
  readonly kind: CaseKind;
  readonly name: string;
  readonly flops?: number;
  readonly open: (units: ReturnType<typeof unitsOf>) => Promise<Unit>;
  /** What the first number of the result has to be, to 1e-4 of itself. */
  readonly wanted?: number;
}

/** Does so many units of work, and gives a number of the last one's result. */
interface Unit {
  run(count: number): Promise<number | undefined>;
  close?(): void;
}

const library = {
  core: () => import("downhill"),
  data: () => import("downhill/data"),
  layers: () => import("downhill/layers"),
  optim: () => import("downhill/optim"),
  internals: () => import("downhill/internals"),
};

const SIZES = [64, 128, 256, 512];

function casesOf(quick: boolean): Case[] {
  const products = [...SIZES, ...(quick ? [] : [1024])].map((n): Case => {
    const shape = { name: "", m: n, k: n, n };
    return {
      kind: "product",
      name: `${n} × ${n} × ${n}`,
      flops: 2 * n ** 3,
      open: ({ product }) => product(shape),
      wanted: productElement(shape),
    };
  });
  const learningRate = 1e-3;
  const mlp = { sizes: [784, 64, 64, 10], batch: 128, learningRate };
  const modelCase = (name: string, architecture: { title: string; batch: number }): Case => ({
    kind: "step",
    name: `${architecture.title}, batch ${architecture.batch}`,
    open: ({ steps }) => steps({ model: name, architecture, batch: architecture.batch, learningRate }),
  });
  return [
    ...products,
    { kind: "step", name: "MLP 784-64-64-10, batch 128", open: ({ steps }) => steps(mlp) },
    modelCase("cnn", architectures.cnn!),
    modelCase("lstm", architectures.lstm!),
  ];
}

/** Loss of what is told the one of ten at random is 2.3; a training that has left the numbers is none. */
const isSound = (value: number | undefined, { wanted, kind }: Case) =>
  wanted === undefined
    ? kind === "ceiling" || (value !== undefined && value >= 0 && value < 10)
    : value !== undefined && Math.abs(value - wanted) <= 1e-4 * wanted;

/** Something timed on an engine: each sample is so many units that the clock can tell. */
class Timed {
  readonly samples: number[] = [];
  units = 1;
  last: number | undefined;
  readonly unit: Unit;

  constructor(unit: Unit) {
    this.unit = unit;
  }

  /** Works until it is warm, and finds how many units make a sample. */
  async warm(milliseconds: number, sample: number): Promise<void> {
    const end = performance.now() + milliseconds;
    let per = Infinity;
    do {
      const began = performance.now();
      this.last = await this.unit.run(this.units);
      const took = performance.now() - began;
      per = took / this.units;
      if (took < sample)
        this.units = Math.ceil(Math.min(2 * this.units, Math.max(1, sample / Math.max(per, 1e-6))));
    } while (performance.now() < end || per * this.units < 0.8 * sample);
  }

  /** Milliseconds of a unit. */
  async sample(): Promise<number> {
    const began = performance.now();
    this.last = await this.unit.run(this.units);
    const took = (performance.now() - began) / this.units;
    this.samples.push(took);
    return took;
  }
}

/** The least difference that the clock shows. */
function clockOf(): number {
  let least = Infinity;
  for (let i = 0; i < 20; i++) {
    const began = performance.now();
    let now = began;
    while (now === began) now = performance.now();
    least = Math.min(least, now - began);
  }
  return Number(least.toPrecision(2));
}

export async function measure(
  { quick, browser, machine }: BenchSetting,
  tell: (update: BenchUpdate) => void,
): Promise<BenchResult> {
  const method = METHODS[quick ? "quick" : "full"];
  const engines: Engine[] = [await createEngine({ threads: 1 })];
  const every = await createEngine();
  if (every.threads > 1) engines.push(every);
  else await every.close();
  const surroundings: Surroundings = {
    browser,
    machine,
    cores: navigator.hardwareConcurrency,
    isolated: globalThis.crossOriginIsolated,
    instructionSet: engines[0]!.instructionSet,
    threads: engines.at(-1)!.threads,
    clock: clockOf(),
  };

  const ceilings: Timed[] = [];
  let ceilingFlops = 0;
  for (const engine of engines) {
    const { flops, ...unit } = await unitsOf(engine, library).peak();
    ceilingFlops = flops;
    // Every thread runs the whole loop, which is why its work is not what the engine takes it for.
    const together = (count: number) => {
      engine.soloWork = 0;
      return unit.run(count).finally(() => {
        engine.soloWork = solo;
      }) as Promise<undefined>;
    };
    const solo = engine.soloWork;
    ceilings.push(new Timed({ run: together, close: unit.close }));
  }
  const cases = casesOf(quick);
  const total = cases.length * (method.rounds + 1);
  let done = 0;
  const rows: BenchRow[] = [];
  const figures = ({ samples, units }: Timed) => ({
    median: median(samples),
    fastest: Math.min(...samples),
    samples: samples.length,
    units,
  });
  for (const ceiling of ceilings) await ceiling.warm(method.warm, method.sample);
  for (const each of cases) {
    tell({ done, total, name: each.name });
    const timed: Timed[] = [];
    for (const engine of engines) {
      const one = new Timed(await each.open(unitsOf(engine, library)));
      await one.warm(method.warm, method.sample);
      timed.push(one);
    }
    const shares: number[][] = engines.map(() => []);
    for (let round = 0; round < method.rounds; round++) {
      tell({ done: ++done, total, name: each.name });
      for (const [i, one] of timed.entries()) {
        const took = await one.sample();
        if (each.flops === undefined) continue;
        // The ceiling in the same breath: a machine is not equally fast at all times.
        const ceiling = await ceilings[i]!.sample();
        shares[i]!.push(each.flops / took / ((engines[i]!.threads * ceilingFlops) / ceiling));
      }
    }
    done++;
    for (const [i, one] of timed.entries()) {
      const common = { kind: each.kind, name: each.name, threads: engines[i]!.threads, ...figures(one) };
      rows.push({
        ...common,
        ...(each.flops === undefined
          ? {}
          : { gigaflops: each.flops / common.median / 1e6, share: median(shares[i]!) }),
        ...(isSound(one.last, each) ? {} : { wrong: `wrong result: ${one.last}` }),
      });
      one.unit.close?.();
    }
  }
  const ceilingRows = ceilings.map((timed, i): BenchRow => {
    const { threads } = engines[i]!;
    const own = figures(timed);
    const flops = threads * ceilingFlops;
    return {
      kind: "ceiling",
      name: "multiply-add loop",
      threads,
      ...own,
      gigaflops: flops / own.median / 1e6,
    };
  });
  for (const ceiling of ceilings) ceiling.unit.close?.();
  for (const engine of engines) await engine.close();
  return {
    surroundings,
    date: new Date().toISOString().slice(0, 10),
    method,
    rows: [...ceilingRows, ...rows],
  };
}
