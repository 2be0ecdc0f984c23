// Callbacks that write files, read back by other programs' parsers: csv-parse, protobufjs.
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  accuracy,
  type Callback,
  createEngine,
  type EpochRecord,
  type Metric,
  OptionError,
  sgd,
  type TrainingControl,
  type TrainOptions,
  type TrainResult,
  train,
} from "#src/index";
import { csvLog, tensorBoard } from "#src/instruments";
import { type Event, readEvents } from "../support/tfevents.ts";
import { classifier, training } from "./setting.ts";

const engine = await createEngine({ numerics: "exact", threads: 1 });
afterAll(() => engine.close());

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "downhill-"));
});
afterEach(() => rm(directory, { recursive: true }));

const setting = { ...training(engine), epochs: 3 };
const { data } = setting;
const run = (callback: Callback, options: Partial<TrainOptions> = {}): Promise<TrainResult> =>
  train(classifier(), { ...setting, callbacks: [callback], ...options });

describe("csvLog", () => {
  const path = () => join(directory, "run.csv");
  /** Read as strictly as anyone may: every kind of line break that is not quoted ends a row. */
  const read = async () =>
    parse(await readFile(path()), { record_delimiter: ["\r\n", "\n", "\r"] }) as string[][];
  const strings = (row: readonly unknown[]) => row.map(String);
  const row = (record: EpochRecord) =>
    strings([
      record.epoch,
      record.step,
      record.loss,
      ...Object.values(record.metrics),
      ...(record.validation ? [record.validation.loss, ...Object.values(record.validation.metrics)] : []),
      record.complete,
      record.skipped,
      record.seconds,
      record.examplesPerSecond,
    ]);

  test("has a row for each epoch, whose numbers are those of the history to the last bit", async () => {
    const { history } = await run(csvLog({ path: path() }), { validation: data });
    const watched = ["loss", "accuracy", "validation.loss", "validation.accuracy"];
    const header = ["epoch", "step", ...watched, "complete", "skipped", "seconds", "examplesPerSecond"];
    expect(await read()).toEqual([header, ...history.map(row)]);
    expect((await readFile(path(), "utf8")).split("\r\n").length).toBe(5);
  });
  test.each(["a,b", 'a "b"', "a\rb", "a\nb", " a; b ", 'top "5", of\r\nall'])(
    "a metric's name may have every sign that CSV uses: %j",
    async (name) => {
      const odd: Metric = { ...accuracy, name };
      const { history } = await run(csvLog({ path: path() }), { metrics: [odd, accuracy] });
      const rows = await read();
      expect(rows[0]!.slice(2, 5)).toEqual(["loss", name, "accuracy"]);
      expect(rows.slice(1)).toEqual(history.map(row));
    },
  );
  test("without append the file is replaced, with it rows are added", async () => {
    await writeFile(path(), "something else");
    const log = csvLog({ path: path() });
    await run(log);
    const first = await run(log);
    const more = csvLog({ path: path(), append: true });
    const second = await run(more);
    const [, ...rows] = await read();
    expect(rows).toEqual([...first.history, ...second.history].map(row));
  });
  test("with append a file that is not there or empty begins with the header", async () => {
    const log = csvLog({ path: path(), append: true });
    await run(log);
    const whole = await read();
    await writeFile(path(), "");
    await run(log);
    expect((await read())[0]).toEqual(whole[0]);
  });
  test("a row that was torn does not spoil the next", async () => {
    const log = csvLog({ path: path(), append: true });
    await run(log);
    await writeFile(path(), (await readFile(path(), "utf8")).slice(0, -9));
    const { history } = await run(log);
    expect((await read()).slice(4)).toEqual(history.map(row));
  });
  test("each row is in the file when its epoch ends", async () => {
    const lines: number[] = [];
    const look: Callback = { onEpoch: async () => void lines.push((await read()).length) };
    await run({}, { callbacks: [csvLog({ path: path() }), look] });
    expect(lines).toEqual([2, 3, 4]);
  });
  test("other columns are refused before the first step, and the file stays", async () => {
    await run(csvLog({ path: path() }));
    const before = await readFile(path(), "utf8");
    let steps = 0;
    const callbacks = [{ onProgress: () => void steps++ }, csvLog({ path: path(), append: true })];
    const other = train(classifier(), { ...setting, validation: data, callbacks });
    await expect(other).rejects.toThrow(OptionError);
    await expect(run({}, { metrics: [], callbacks })).rejects.toThrow(
      /has other columns, wanted epoch,step,loss,complete/,
    );
    expect(steps).toBe(0);
    expect(await readFile(path(), "utf8")).toBe(before);
  });
  test("an epoch with other numbers is an error", async () => {
    const log = csvLog({ path: path() });
    const { history } = await run({});
    const record = history[0]!;
    const model = classifier();
    const control = {
      model,
      epochs: 1,
      examples: 40,
      monitors: ["loss", "accuracy"],
    } as unknown as TrainingControl;
    await log.onBegin!(control);
    await log.onEpoch!(record, control);
    for (const metrics of [{}, { recall: 1 }, { ...record.metrics, recall: 1 }])
      await expect(log.onEpoch!({ ...record, metrics }, control)).rejects.toThrow("wanted loss, accuracy");
    const validation = { loss: 1, metrics: {} };
    await expect(log.onEpoch!({ ...record, validation }, control)).rejects.toThrow(
      "has loss, accuracy, validation.loss",
    );
    await log.onEnd!(control);
    expect((await read()).length).toBe(2);
  });
  test("refuses a name that is none; errors of the file system pass", async () => {
    for (const bad of ["", undefined as never]) expect(() => csvLog({ path: bad })).toThrow(OptionError);
    await expect(run(csvLog({ path: join(directory, "none", "x") }))).rejects.toThrow(/ENOENT/);
    await expect(run(csvLog({ path: directory, append: true }))).rejects.toThrow(/EISDIR/);
  });
});

describe("tensorBoard", () => {
  const files = async () => (await readdir(directory)).sort();
  const events = async (name?: string) =>
    readEvents(await readFile(join(directory, name ?? (await files())[0]!)));
  const points = (list: readonly Event[]) =>
    list.flatMap(({ step, summary }) =>
      (summary?.value ?? []).map(({ tag, simpleValue }) => [Number(step), tag, simpleValue]),
    );
  const point = (step: number, tag: string, value: number) => [step, tag, Math.fround(value)];

  test("has what each epoch came to, over the steps", async () => {
    const began = Date.now() / 1000;
    const { history } = await run(tensorBoard({ directory }), { validation: data });
    const list = await events();
    expect(list[0]).toMatchObject({ fileVersion: "brain.Event:2", step: "0" });
    expect(points(list)).toEqual(
      history.flatMap(({ step, loss, metrics, validation, examplesPerSecond }) => [
        point(step, "train/loss", loss),
        point(step, "train/accuracy", metrics.accuracy!),
        point(step, "train/examplesPerSecond", examplesPerSecond),
        point(step, "validation/loss", validation!.loss),
        point(step, "validation/accuracy", validation!.metrics.accuracy!),
      ]),
    );
    const times = list.map(({ wallTime }) => wallTime);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times[0]).toBeGreaterThanOrEqual(began);
    expect(times.at(-1)).toBeLessThanOrEqual(Date.now() / 1000);
  });
  test("each training has a file of its own, also in the same second, in a directory that is made", async () => {
    directory = join(directory, "runs", "a");
    const callback = tensorBoard({ directory });
    const began = Math.floor(Date.now() / 1000);
    for (let round = 0; round < 3; round++) await run(callback, { epochs: 1 });
    const names = await files();
    expect(names.length).toBe(3);
    for (const name of names) {
      expect(name).toMatch(/^events\.out\.tfevents\.\d{10}\.downhill$/);
      expect(Number(name.split(".")[3])).toBeGreaterThanOrEqual(began);
      expect((await events(name)).length).toBe(2);
    }
    directory = join(directory, "..", "..");
  });
  test("with every, the means so far are drawn too, not oftener", async () => {
    const seen: (string | number)[][] = [];
    const look: Callback = {
      onProgress: ({ step, loss }) => void seen.push(point(step, "progress/loss", loss)),
    };
    const options = { data: data.lazy(), callbacks: [tensorBoard({ directory, every: 2 }), look] };
    await run({}, options);
    const drawn = points(await events()).filter(([, tag]) => tag === "progress/loss");
    expect(drawn).toEqual(seen.filter(([step]) => (step as number) % 2 === 0));
    expect(drawn.map(([step]) => step)).toEqual([2, 4, 6, 8]);
  });
  test("draws the learning rate where it knows it", async () => {
    const learningRate = (step: number) => 0.1 / step;
    await run(tensorBoard({ directory, learningRate }), { optimizer: sgd({ learningRate }) });
    const drawn = points(await events()).filter(([, tag]) => tag === "train/learningRate");
    expect(drawn).toEqual([3, 6, 9].map((step) => point(step, "train/learningRate", 0.1 / step)));
  });
  test("the file is whole after an error, and after each epoch", async () => {
    const lengths: number[] = [];
    const fails: Callback = {
      onEpoch: async ({ epoch }) => {
        lengths.push((await events()).length);
        if (epoch === 2) throw new RangeError("mine");
      },
    };
    await expect(run({}, { callbacks: [tensorBoard({ directory }), fails] })).rejects.toThrow(RangeError);
    expect(lengths).toEqual([2, 3]);
    expect((await events()).length).toBe(3);
  });
  test("refuses what it cannot do; errors of the file system pass", async () => {
    for (const bad of ["", undefined as never])
      expect(() => tensorBoard({ directory: bad })).toThrow(OptionError);
    for (const every of [0, 1.5, Number.NaN])
      expect(() => tensorBoard({ directory, every })).toThrow(OptionError);
    for (const learningRate of [0.1, "constant"])
      expect(() => tensorBoard({ directory, learningRate: learningRate as never })).toThrow(OptionError);
    await writeFile(join(directory, "x"), "");
    await expect(run(tensorBoard({ directory: join(directory, "x") }))).rejects.toThrow(/EEXIST/);
  });
});
