// Tables as data: CSV against another parser, Parquet against another writer, encodings against their formulas.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { parquetWriteBuffer } from "hyparquet-writer";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DataError, FormatError, OptionError } from "#src/core/errors";
import {
  type Cell,
  csvDataset,
  csvRows,
  encoderFrom,
  fitEncoder,
  parquetRows,
  readTable,
  Table,
} from "#src/tables";
import { wages } from "../../examples/data/wages.js";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "downhill-"));
});
afterAll(() => rm(directory, { recursive: true }));

const cellsOf = async (...args: Parameters<typeof csvRows>): Promise<Cell[][]> => {
  const rows: Cell[][] = [];
  for await (const { cells } of csvRows(...args)) rows.push([...cells]);
  return rows;
};
/** A text as a stream in pieces of so many bytes. */
const stream = (text: string, size: number) => {
  const bytes = new TextEncoder().encode(text);
  return new ReadableStream<Uint8Array>({
    start(controller) {
      for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
      controller.close();
    },
  });
};

describe("CSV", () => {
  const file = 'n,text\r\n1,"a, ""b""\r\nc"\r\n\r\n-2.5e3,  é🙂 \r\n,NA\r\n007,"12"';
  const wanted = [
    [1, 'a, "b"\nc'],
    [-2500, "é🙂"],
    [undefined, undefined],
    ["007", 12],
  ];
  test("comes from a text, bytes, a blob, a stream, a function, a path and an address", async () => {
    const bytes = new TextEncoder().encode(`\ufeff${file}`);
    const path = join(directory, "any.csv");
    await writeFile(path, bytes);
    const server = createServer((request, response) => {
      response.statusCode = request.url === "/any.csv" ? 200 : 404;
      response.end(bytes);
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const { port } = server.address() as { port: number };
    try {
      const address = `http://127.0.0.1:${port}/any.csv`;
      const sources = [file, bytes, new Blob([bytes]), stream(file, 7), () => stream(file, 1), path];
      for (const source of [...sources, pathToFileURL(path), address, new URL(address)])
        expect(await cellsOf(source)).toEqual(wanted);
      const rows = csvRows(path);
      expect((await readTable(rows)).length).toBe((await readTable(rows)).length);
      await expect(cellsOf(`http://127.0.0.1:${port}/none.csv`)).rejects.toThrow(DataError);
    } finally {
      server.close();
    }
    await expect(cellsOf(join(directory, "none.csv"))).rejects.toThrow(
      new DataError(`csv: got no file ${directory}/none.csv, wanted one that can be read`),
    );
    await expect(cellsOf(Uint8Array.of(0x61, 0x0a, 0xe9))).rejects.toThrow(FormatError);
    expect(await cellsOf(Uint8Array.of(0x61, 0x0a, 0xe9), { encoding: "latin1" })).toEqual([["é"]]);
  });
  test("has the cells that csv-parse finds, however it is cut into pieces", async () => {
    const cell = fc.string({
      unit: fc.constantFrom("a", '"', ",", "\n", "\r\n", " ", "é", "1"),
      maxLength: 6,
    });
    const quoted = cell.map((text) => `"${text.replaceAll('"', '""')}"`);
    const plain = cell.map((text) => text.replace(/["\r\n,]/g, "").trim());
    const line = fc.array(fc.oneof(quoted, plain), { minLength: 3, maxLength: 3 });
    const end = fc.constantFrom("\n", "\r\n");
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { minLength: 1, maxLength: 8 }),
        end,
        fc.boolean(),
        fc.integer({ min: 1, max: 20 }),
        async (lines, end, closed, size) => {
          const text = `x,y,z${end}${lines.map((cells) => cells.join(",")).join(end)}${closed ? end : ""}`;
          const options = { types: { x: "category", y: "category", z: "category" }, missing: [] } as const;
          const got = await cellsOf(stream(text, size), options);
          const other: string[][] = parse(text, { from_line: 2, record_delimiter: end });
          expect(got).toEqual(
            other.map((cells) => cells.map((each) => each.replaceAll("\r\n", "\n").trim())),
          );
        },
      ),
      { numRuns: 200, seed: 1 },
    );
  });
  test("counts lines as an editor does", async () => {
    const places: number[] = [];
    for await (const { place } of csvRows(stream('a,b\n\n1,"x\n\ny"\r\n2,z\r3,"\n"\n\n4,w', 3)))
      places.push(place);
    expect(places).toEqual([3, 6, 7, 10]);
  });
  test("has other delimiters, columns and types", async () => {
    const options = {
      delimiter: ";",
      columns: ["a", "b"],
      types: { a: "category" },
      missing: ["?"],
    } as const;
    expect(await cellsOf("1;2\n?;NA\n", options)).toEqual([
      ["1", 2],
      [undefined, "NA"],
    ]);
    expect(await cellsOf("a\n007\n 08 \n", { types: { a: "number" } })).toEqual([[7], [8]]);
  });
  test.each<[string, Parameters<typeof csvRows>[1], Error]>([
    ["a,b\n1,2\n\n3\n", {}, new FormatError("csv: line 4: got 1 cells, wanted 2")],
    [
      'a,b\n1,"x" y\n',
      {},
      new FormatError("csv: line 2: got a quote out of place: Trailing quote on quoted field is malformed"),
    ],
    [
      'a,b\n1,2\n1,"x\n\n',
      {},
      new FormatError("csv: line 3: got a quote out of place: Quoted field unterminated"),
    ],
    ["a,a\n", {}, new FormatError('csv: line 1: got column "a" twice, wanted names that differ')],
    [
      'a,b\n"\n",1\n2,x\n',
      { types: { b: "number" } },
      new DataError('csv: line 4, column "b": got "x", wanted a number'),
    ],
    ["a\n", { types: { b: "number" } }, new OptionError('csv: types: got "b", wanted one of the columns a')],
  ])("names the line and the column of what is wrong: %j", async (text, options, error) => {
    for (const size of [1, 4, 1000])
      await expect(cellsOf(stream(text, size), options)).rejects.toThrow(error);
  });
  test("refuses a delimiter that is none, and a quote that never closes", async () => {
    expect(() => csvRows("a\n", { delimiter: '"' })).toThrow(OptionError);
    const endless = async function* () {
      yield 'a\n"';
      for (;;) yield "x".repeat(1 << 20);
    };
    await expect(cellsOf(endless)).rejects.toThrow("wanted a quote that closes");
  });
});

describe("Parquet", () => {
  const columnData = [
    {
      name: "n",
      data: Array.from({ length: 25 }, (_, i) => (i === 3 ? null : i / 4)),
      type: "DOUBLE",
      nullable: true,
    },
    { name: "big", data: Array.from({ length: 25 }, (_, i) => BigInt(i)), type: "INT64" },
    { name: "yes", data: Array.from({ length: 25 }, (_, i) => i % 2 === 0), type: "BOOLEAN" },
    { name: "text", data: Array.from({ length: 25 }, (_, i) => `t${i % 3}`), type: "STRING" },
  ] as const;
  const bytes = () =>
    new Uint8Array(parquetWriteBuffer({ columnData: columnData as never, rowGroupSize: 10 }));
  test("has the rows that were written, group by group", async () => {
    const path = join(directory, "any.parquet");
    await writeFile(path, bytes());
    const slices = {
      byteLength: bytes().length,
      slice: (a: number, b?: number) => bytes().slice(a, b).buffer,
    };
    for (const source of [bytes(), bytes().buffer, path, pathToFileURL(path), slices]) {
      const table = await readTable(parquetRows(source));
      expect([table.columns, table.length]).toEqual([["n", "big", "yes", "text"], 25]);
      expect(table.rows.map(({ place }) => place)).toEqual(Array.from({ length: 25 }, (_, i) => i + 1));
      expect(table.column("n")).toEqual(Array.from({ length: 25 }, (_, i) => (i === 3 ? undefined : i / 4)));
      expect(table.column("big")).toEqual(Array.from({ length: 25 }, (_, i) => i));
      expect(table.column("yes").slice(0, 2)).toEqual([1, 0]);
      expect(table.column("text").slice(-2)).toEqual(["t2", "t0"]);
    }
    const some = await readTable(parquetRows(bytes(), { columns: ["text", "n"] }));
    expect(some.rows[4]!.cells).toEqual(["t1", 1]);
    const encoder = fitEncoder(some, { target: "n" });
    await expect(encoder).rejects.toThrow('encoder: row 4, column "n": got a missing cell');
  });
  test("refuses what is none", async () => {
    await expect(readTable(parquetRows(new Uint8Array(50)))).rejects.toThrow(FormatError);
    await expect(readTable(parquetRows(join(directory, "none.parquet")))).rejects.toThrow(FormatError);
    await expect(readTable(parquetRows(bytes(), { columns: ["x"] }))).rejects.toThrow(OptionError);
    // A schema of more columns than follow.
    const short = bytes();
    short[Buffer.from(short).indexOf("root") + 5] = 70;
    await expect(readTable(parquetRows(short))).rejects.toThrow(FormatError);
    const lists = parquetWriteBuffer({ columnData: [{ name: "l", data: [{ a: 1 }], type: "JSON" }] });
    await expect(readTable(parquetRows(lists))).rejects.toThrow('parquet: row 1, column "l": got a record');
  });
});

describe("encoders", () => {
  const text = "age,size,town,pay\n20,small,B,1\n30,large,A,2\n40,small,C,6\n50,medium,A,7\n";
  test("scale, count and place by what they learned, and come back from JSON", async () => {
    const made = await fitEncoder(csvRows(text), {
      inputs: {
        age: "standardize",
        pay: "minMax",
        size: { ordinal: ["small", "medium", "large"] },
        town: "oneHot",
      },
    });
    expect([made.width, made.names]).toEqual([6, ["age", "pay", "size", "town=A", "town=B", "town=C"]]);
    for (const encoder of [made, encoderFrom(JSON.parse(JSON.stringify(made)))]) {
      const { input } = encoder.dataset(await readTable(csvRows(text))).at(1);
      const wanted = [-5 / Math.sqrt(125), 1 / 6, 2, 1, 0, 0];
      for (const [i, x] of input.entries()) expect(x).toBeCloseTo(wanted[i]!, 6);
      expect(encoder.encode({ town: "B", size: "medium", age: 35, pay: 13 })).toEqual(
        Float32Array.of(0, 2, 1, 0, 1, 0),
      );
    }
  });
  test("tell numbers from texts, and leave target and label out of the inputs", async () => {
    const rows = csvRows(text);
    const regression = await fitEncoder(rows, { target: { pay: "standardize" }, scaling: "minMax" });
    expect(regression.names).toEqual([
      "age",
      "size=large",
      "size=medium",
      "size=small",
      "town=A",
      "town=B",
      "town=C",
    ]);
    const data = regression.dataset(await readTable(rows));
    expect([data.inputShape, data.targetShape, data.labels]).toEqual([[7], [1], undefined]);
    const pay = regression.decodeTargets(data.targets!.values as Float32Array);
    for (const [i, x] of pay.entries()) expect(x).toBeCloseTo([1, 2, 6, 7][i]!, 6);
    expect([...data.targets!.values].reduce((a, b) => a + b)).toBeCloseTo(0, 6);
    const classes = await fitEncoder(rows, { inputs: ["age"], label: "town" });
    expect(classes.classes).toEqual(["A", "B", "C"]);
    const labelled = classes.dataset(await readTable(rows));
    expect([...labelled].map(({ input, label }) => [...input, label])).toEqual([
      [20, 1],
      [30, 0],
      [40, 2],
      [50, 0],
    ]);
    expect(labelled.classes).toBe(3);
    const numbered = await fitEncoder(csvRows("x,y\n1,10\n1,9\n2,-1\n"), { label: "y" });
    expect(numbered.classes).toEqual(["-1", "9", "10"]);
    const several = await fitEncoder(rows, { inputs: ["town"], target: ["age", "pay"] });
    expect(several.dataset(await readTable(rows)).at(2).target).toEqual(Float32Array.of(40, 6));
  });
  test("learn from the training rows alone", async () => {
    const table = await readTable(csvRows(wages));
    const { train, test } = table.split({ train: 0.8, test: 0.2 }, { seed: 1 });
    expect([train.length, test.length]).toEqual([427, 107]);
    const places = [...train.rows, ...test.rows].map(({ place }) => place);
    expect(places.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 534 }, (_, i) => i + 2));
    const encoder = await fitEncoder(train, { inputs: { wage: "standardize" } });
    const [known, unseen] = [encoder.dataset(train), encoder.dataset(test)];
    const moments = (values: ArrayLike<number>) => {
      const mean = Array.from(values).reduce((a, b) => a + b) / values.length;
      return [
        mean,
        Math.sqrt(Array.from(values, (x) => (x - mean) ** 2).reduce((a, b) => a + b) / values.length),
      ];
    };
    const [mean, deviation] = moments(known.inputs.values);
    expect([Math.abs(mean!) < 1e-6, Math.abs(deviation! - 1) < 1e-6]).toEqual([true, true]);
    const [trueMean, trueDeviation] = moments(train.column("wage") as number[]);
    const raw = test.column("wage") as number[];
    for (const [i, x] of unseen.inputs.values.entries())
      expect(x).toBeCloseTo((raw[i]! - trueMean!) / trueDeviation!, 5);
  });
  test("stream a file anew in every epoch, as the table is", async () => {
    const path = join(directory, "rows.csv");
    await writeFile(path, text);
    for (const options of [{ target: "pay" }, { label: "town" }] as const) {
      const encoder = await fitEncoder(csvRows(path), options);
      const stream = encoder.stream(csvRows(path));
      const data = encoder.dataset(await readTable(csvRows(path)));
      expect([stream.inputShape, stream.targetShape, stream.classes]).toEqual([
        data.inputShape,
        data.targets && data.targetShape,
        data.classes,
      ]);
      for (const epoch of [1, 2]) {
        let i = 0;
        for await (const example of stream.examples(epoch)) expect(example).toEqual(data.at(i++));
        expect(i).toBe(4);
      }
    }
  });
  test("do with missing cells as they are told", async () => {
    const holes = "n,c,y\n1,a,1\n,b,2\n5,,3\n6,b,\n";
    const table = await readTable(csvRows(holes));
    await expect(fitEncoder(table, { target: "y" })).rejects.toThrow(
      new DataError(
        'encoder: line 3, column "n": got a missing cell, wanted a value, or missing: "drop" or "mean"',
      ),
    );
    const dropping = await fitEncoder(table, { target: "y", missing: "drop" });
    expect([...dropping.dataset(table)].map(({ input }) => [...input])).toEqual([[1, 1]]);
    const filling = await fitEncoder(table, { target: "y", missing: "mean" });
    expect(() => filling.dataset(table)).toThrow('encoder: line 5, column "y": got a missing cell');
    const some = table.filter(({ y }) => y !== undefined);
    expect([...filling.dataset(some)].map(({ input }) => [...input])).toEqual([
      [1, 1, 0],
      [4, 0, 1],
      [5, 0, 0],
    ]);
    expect(() => dropping.encode({ n: 1, c: undefined })).toThrow(DataError);
  });
  test("do with unknown categories as they are told", async () => {
    const rows = await readTable(csvRows("town\nD\n"));
    const strict = await fitEncoder(csvRows(text), { inputs: ["town"], label: "size" });
    expect(() => strict.dataset(rows)).toThrow(
      new DataError('encoder: line 2, column "town": got "D", wanted one of "A", "B", "C"'),
    );
    const lax = await fitEncoder(csvRows(text), { inputs: ["town"], label: "size", unknown: "zeros" });
    const prediction = lax.dataset(rows);
    expect([[...prediction.at(0).input], prediction.labels]).toEqual([[0, 0, 0], undefined]);
    const labelled = await readTable(csvRows("town,size\nA,huge\n"));
    expect(() => lax.dataset(labelled)).toThrow('column "size": got "huge", wanted one of');
  });
  test("a column without spread becomes zeros", async () => {
    const encoder = await fitEncoder(csvRows("a,b\n3,3\n3,3\n"), {
      inputs: { a: "standardize", b: "minMax" },
    });
    expect(encoder.encode({ a: 3, b: 3 })).toEqual(Float32Array.of(0, 0));
  });
  test.each<[Parameters<typeof fitEncoder>[1], string]>([
    [{ inputs: ["none"] }, 'encoder: column: got "none", wanted one of "age", "size", "town", "pay"'],
    [{ target: "pay", label: "town" }, "encoder: got a target and a label, wanted one of them"],
    [{ inputs: [] }, "encoder: inputs: got no column, wanted 1 or more"],
    [{ missing: "zero" as never }, "encoder: missing: got zero, wanted error, drop or mean"],
    [{ unknown: "drop" as never }, "encoder: unknown: got drop, wanted error or zeros"],
    [
      { target: { pay: "oneHot" as never } },
      'encoder: target pay: got "oneHot", wanted number, standardize or minMax',
    ],
  ])("options that do not fit: %j", async (options, message) => {
    await expect(fitEncoder(csvRows(text), options)).rejects.toThrow(new OptionError(message));
  });
  test("cells and records that do not fit", async () => {
    await expect(fitEncoder(csvRows(text), { inputs: { town: "standardize" } })).rejects.toThrow(
      new DataError('encoder: line 2, column "town": got "B", wanted a finite 32-bit number'),
    );
    const many = `a\n${Array.from({ length: 1001 }, (_, i) => `x${i}`).join("\n")}\n`;
    await expect(fitEncoder(csvRows(many))).rejects.toThrow(
      'line 1002, column "a": got more than 1000 categories',
    );
    expect(() => new Table([])).toThrow(DataError);
    for (const record of [{}, null, { inputs: [{ column: "a", kind: "number" }], targets: [] }])
      expect(() => encoderFrom(record as never)).toThrow(FormatError);
  });
  test("a file in one call", async () => {
    const data = await csvDataset(wages, {
      inputs: ["age", "sector"],
      target: "wage",
      scaling: "standardize",
    });
    expect([data.length, data.inputShape, data.targetShape]).toEqual([534, [4], [1]]);
    expect((await csvDataset(await readFile(wages), { label: "union" })).classes).toBe(2);
  });
});
