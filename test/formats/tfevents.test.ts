// Event files as others read them: the frames by another CRC-32C, the messages by another protocol buffer library.
import { expect, test } from "vitest";
import { writeEvent } from "#src/formats/tfevents";
import { readEvents } from "../support/tfevents.ts";

test("the first record names the format", () => {
  const bytes = writeEvent({ wallTime: 1700000000.25 });
  expect(readEvents(bytes)).toEqual([{ wallTime: 1700000000.25, step: "0", fileVersion: "brain.Event:2" }]);
});

test("is, byte for byte, what the definition of frame and message says", () => {
  // 24 bytes follow: wall_time 1.5, step 0, file_version; the sums from an independent CRC-32C.
  const hex = Buffer.from(writeEvent({ wallTime: 1.5 })).toString("hex");
  expect(hex).toMatch(
    /^1a00000000000000[0-9a-f]{8}09000000000000f83f10001a0d627261696e2e4576656e743a32[0-9a-f]{8}$/,
  );
});

test("scalars come back as 32-bit floats under their tags, whatever the values", () => {
  const scalars = {
    loss: 0.1,
    "validation/Genauigkeit – größer ist besser": -1e-30,
    nan: Number.NaN,
    infinite: Number.NEGATIVE_INFINITY,
    zero: 0,
    ["x".repeat(300)]: 3e38,
  };
  const [event] = readEvents(writeEvent({ wallTime: 2, step: 7, scalars }));
  expect(event).toEqual({
    wallTime: 2,
    step: "7",
    summary: {
      value: Object.entries(scalars).map(([tag, value]) => ({ tag, simpleValue: Math.fround(value) })),
    },
  });
});

test.each([0, 1, 127, 128, 16383, 16384, 2 ** 31, 2 ** 32 + 5, Number.MAX_SAFE_INTEGER])(
  "step %i",
  (step) => {
    const [event] = readEvents(writeEvent({ wallTime: 0, step, scalars: { a: 1 } }));
    expect(event!.step).toBe(String(step));
  },
);

test("records stand one after the other", () => {
  const steps = [1, 2, 3];
  const bytes = Buffer.concat(steps.map((step) => writeEvent({ wallTime: 0, step, scalars: { step } })));
  expect(readEvents(bytes).map(({ step }) => Number(step))).toEqual(steps);
});

test("the reader sees a flipped bit anywhere", () => {
  const good = writeEvent({ wallTime: 1, step: 300, scalars: { loss: 0.5 } });
  for (let at = 0; at < good.length; at++) {
    const bad = good.slice();
    bad[at]! ^= 1 << (at % 8);
    expect(() => readEvents(bad), `byte ${at}`).toThrow();
  }
});
