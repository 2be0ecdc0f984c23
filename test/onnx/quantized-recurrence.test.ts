// Recurrences of quantized models as ONNX files: those of the format, in floats, of which the bytes here are roundings.
import { afterAll, describe, expect, test } from "vitest";
import { createEngine, defineModel, dense, type Model, sequential } from "#src/index";
import { bidirectional, gru, lstm, simpleRnn } from "#src/layers";
import { fromOnnx, toOnnx } from "#src/onnx/index";
import { greater } from "#src/ops/arithmetic";
import { max } from "#src/ops/reduce";
import { quantize } from "#src/quantize/index";
import { readOnnx, typesOf } from "../support/onnx.ts";

const engine = await createEngine({ numerics: "exact", threads: 1 });
afterAll(() => engine.close());

const inputs = Float32Array.from({ length: 12 * 24 }, (_, at) => ((at * 7919) % 1013) / 500 - 1);

const models: readonly [string, Model, string][] = [
  ["an LSTM", sequential({ input: [6, 4] }, lstm(8), dense(2)), "LSTM"],
  [
    "GRUs in both directions",
    sequential({ input: [6, 4] }, bidirectional(gru(5, { returnSequences: true })), gru(9), dense(2)),
    "GRU",
  ],
  ["a simple recurrence", sequential({ input: [6, 4] }, simpleRnn(5), dense(2)), "RNN"],
  [
    "a GRU with a mask",
    defineModel({ input: [6, 4] }, (x) => dense(2)(gru(7)(x, { mask: greater(max(x, { axes: -1 }), 0.5) }))),
    "Scan",
  ],
];

describe.each(models)("%s", (_, model, type) => {
  test.each(["int8", "dynamic"] as const)(
    "with activations %s is near what it is here",
    async (activations) => {
      await model.initialize({ engine, seed: 5 });
      const calibration = activations === "int8" ? inputs : undefined;
      const quantized = await quantize(model, { activations, calibration, engine });
      const bytes = await toOnnx(quantized, { engine });
      expect(typesOf(readOnnx(bytes))).toContain(type);
      // Loops over a cell are written, not read.
      if (type === "Scan") return;
      const wanted = await quantized.predict(inputs, { engine });
      const got = await (await fromOnnx(bytes)).predict(inputs, { engine });
      // A byte of the state is 1/63: half of one at each of some units.
      const largest = Math.max(...wanted.map(Math.abs));
      for (const [at, value] of wanted.entries())
        expect(Math.abs(got[at]! - value)).toBeLessThan(0.06 * largest);
    },
  );
});
