// Augmentation: each change by itself, and that what is drawn depends on seed, epoch and example alone.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { DataError, OptionError, ShapeError } from "#src/core/errors";
import { permutation } from "#src/core/random";
import { type Dataset, dataset, type Example, fromIterable, type IterableDataset } from "#src/data/index";
import * as images from "#src/images";
import { adam, createEngine, dense, flatten, sequential, softmaxCrossEntropy, train } from "#src/index";
import { bits, numbers, setWeights, weightsOf } from "../train/setting.ts";

const { augment, brightness, contrast, cutout, horizontalFlip, imageField, noise } = images;
const { randomCrop, resizeImage, rotate, shift, verticalFlip, zoom } = images;
const golden = JSON.parse(readFileSync(new URL("../golden/images.json", import.meta.url), "utf8"));

const engine = await createEngine({ numerics: "exact", threads: 2 });
afterAll(() => engine.close());

/** Draws what is written down. */
const script = (...list: number[]): images.ImageDraws => {
  const next = () => {
    const value = list.shift();
    if (value === undefined) throw new Error("more was drawn than written down");
    return value;
  };
  return { uniform: next, normal: next };
};
const image = (height: number, width: number, values: ArrayLike<number>): images.Image => ({
  values: Float32Array.from(values),
  height,
  width,
  channels: values.length / (height * width),
});
const counted = (height: number, width: number) =>
  image(
    height,
    width,
    Array.from({ length: height * width }, (_, i) => i + 1),
  );
const close = (got: Float32Array, wanted: readonly number[]) => {
  expect(got.length).toBe(wanted.length);
  for (const [i, value] of wanted.entries())
    expect(Math.abs(got[i]! - value), `element ${i}`).toBeLessThan(1e-6);
};

describe("each change", () => {
  test.each<[string, images.Augmentation, images.Image, readonly number[], readonly number[]]>([
    ["flips rows of pixels", horizontalFlip(), image(1, 3, [1, 2, 3, 4, 5, 6]), [0.49], [5, 6, 3, 4, 1, 2]],
    ["or leaves them", horizontalFlip(), counted(1, 3), [0.51], [1, 2, 3]],
    ["flips columns", verticalFlip(0.1), counted(2, 2), [0.09], [3, 4, 1, 2]],
    ["shifts to one side", shift([0, 1]), counted(2, 3), [0.5, 0.99], [2, 3, 0, 5, 6, 0]],
    ["shifts to the other, over the edge", shift(2, { fill: 9 }), counted(2, 2), [0.01, 0.5], [9, 9, 9, 9]],
    ["shifts down", shift([1, 0], { fill: 9 }), counted(2, 2), [0.01, 0.5], [9, 9, 1, 2]],
    [
      "crops the last corner of the padding",
      randomCrop({ padding: 1 }),
      counted(2, 2),
      [0.99, 0.99],
      [4, 0, 0, 0],
    ],
    ["crops the first corner", randomCrop({ padding: 1 }), counted(2, 2), [0.01, 0.01], [0, 0, 0, 1]],
    ["crops a part", randomCrop({ size: [1, 2] }), counted(3, 3), [0.5, 0.99], [5, 6]],
    ["cuts out", cutout([1, 2]), counted(2, 3), [0.9, 0.5], [1, 2, 3, 0, 0, 6]],
    [
      "cuts less at the border",
      cutout(3, { fill: 7 }),
      counted(3, 3),
      [0.1, 0.1],
      [7, 7, 3, 7, 7, 6, 7, 8, 9],
    ],
    ["adds noise", noise(0.5), counted(1, 2), [-2, 3], [0, 3.5]],
    ["brightens", brightness(0.2), counted(1, 2), [1], [1.2, 2.4]],
    ["lowers the contrast", contrast(0.5), counted(1, 3), [0], [1.5, 2, 2.5]],
  ])("%s", (_, change, before, drawn, wanted) => {
    const kept = before.values.slice();
    close(change(before, script(...drawn)).values, wanted);
    expect(before.values).toEqual(kept);
  });
  const [height, width] = golden.shape as [number, number, number];
  const spread = image(height, width, numbers(height * width * 2));
  test.each<{ degrees: number; values: number[] }>(golden.rotate)(
    "turns by $degrees as PyTorch",
    ({ degrees, values }) => {
      const turned = rotate(Math.abs(degrees))(spread, script(degrees < 0 ? 0 : 1));
      close(turned.values, values);
    },
  );
  test.each<{ factor: number; values: number[] }>(golden.zoom)(
    "zooms by $factor as PyTorch",
    ({ factor, values }) => {
      close(zoom(factor, factor)(spread, script(0.3)).values, values);
    },
  );
  test.each<{ size: [number, number]; values: number[] }>(golden.resize)(
    "resizes to $size as PyTorch",
    ({ size, values }) => {
      const resized = resizeImage(spread, size);
      expect([resized.height, resized.width, resized.channels]).toEqual([...size, 2]);
      close(resized.values, values);
    },
  );
  test("is drawn evenly", () => {
    const places = new Map<string, number>();
    const flips = { horizontal: 0, vertical: 0 };
    const data = dataset({ inputs: imageField(Array(3000).fill(image(3, 3, [0, 0, 0, 0, 1, 0, 0, 0, 0]))) });
    const stream = augment(data, [
      (each, draws) => {
        flips.horizontal += Number(horizontalFlip()(each, draws) !== each);
        flips.vertical += Number(verticalFlip(0.1)(each, draws) !== each);
        const moved = shift(1)(each, draws);
        const at = moved.values.indexOf(1);
        places.set(`${at}`, (places.get(`${at}`) ?? 0) + 1);
        return moved;
      },
    ]);
    places.clear();
    return all(stream).then(() => {
      expect([...places.keys()].sort()).toEqual("012345678".split(""));
      // Four and more deviations: √(3000 / 9 · 8 / 9) = 17, √(3000 / 4) = 27, √(3000 · 0.09) = 16.
      for (const count of places.values()) expect(Math.abs(count - 3000 / 9)).toBeLessThan(80);
      expect(Math.abs(flips.horizontal - 1500)).toBeLessThan(120);
      expect(Math.abs(flips.vertical - 300)).toBeLessThan(75);
    });
  });
});

async function all(stream: IterableDataset, epoch = 1): Promise<Example[]> {
  const found: Example[] = [];
  for await (const example of stream.examples(epoch)) found.push(example);
  return found;
}
const COUNT = 24;
const own = dataset({
  inputs: { values: numbers(COUNT * 6 * 5 * 2), shape: [6, 5, 2] },
  labels: Array.from({ length: COUNT }, (_, i) => i),
});
const steps = [
  horizontalFlip(),
  verticalFlip(),
  shift(1),
  randomCrop({ padding: 2 }),
  rotate(20),
  zoom(0.8, 1.2),
  cutout(2),
  noise(0.1),
  brightness(0.2),
  contrast(0.2),
];
const inputs = (examples: readonly Example[]) => examples.map(({ input }) => bits(input));

describe("a stream of changed images", () => {
  test("depends on seed, epoch and example alone", async () => {
    const shuffled = await all(augment(own, steps, { seed: 3 }), 2);
    const inOrder = await all(augment(own.lazy(), steps, { seed: 3 }), 2);
    expect(shuffled.map(({ label }) => label)).toEqual([...permutation(COUNT, 3, 2)]);
    const byLabel = [...shuffled].sort((a, b) => (a.label as number) - (b.label as number));
    expect(inputs(byLabel)).toEqual(inputs(inOrder));
    // Read twice at the same time, and in batches.
    const stream = augment(own.lazy(), steps, { seed: 3 });
    const [one, other] = [stream.examples(2), stream.examples(2)];
    for (const wanted of inOrder) {
      const pair = [await one.next(), await other.next()];
      for (const { value } of pair) expect(bits((value as Example).input)).toEqual(bits(wanted.input));
    }
    const flat = Float32Array.from(inOrder.flatMap(({ input }) => [...input]));
    for (const size of [7, 24]) {
      const parts: number[] = [];
      for await (const batch of stream.batch(size, { epoch: 2 })) parts.push(...batch.inputs);
      expect(bits(Float32Array.from(parts))).toEqual(bits(flat));
    }
  });
  test("is another one for another seed, epoch and example", async () => {
    const same = dataset({ inputs: { values: new Float32Array(20 * 16).fill(0.5), shape: [4, 4] } }).lazy();
    const draw = async (seed: number, epoch: number) =>
      (await all(augment(same, [noise(1)], { seed }), epoch)).map(({ input }) => bits(input).join());
    const drawn = [
      ...(await draw(1, 1)),
      ...(await draw(1, 2)),
      ...(await draw(2, 1)),
      ...(await draw(-1, 1)),
    ];
    expect(new Set(drawn).size).toBe(80);
  });
  test("has the same bits on every runtime", async () => {
    const hash = createHash("sha256");
    for (const { input } of await all(augment(own, steps, { seed: 3 }), 2)) hash.update(bits(input));
    expect(hash.digest("hex")).toBe("af42b28669daeda8a57d774f968d4d8db0866f8ac236254e5453ed855eff0946");
  });
  test("keeps shapes, targets and labels, unless a step changes the size", () => {
    const grey = dataset({
      inputs: { values: new Float32Array(40), shape: [4, 5] },
      targets: [
        [1, 2],
        [3, 4],
      ],
    });
    const changed = augment(grey, [shift(1)]);
    expect([changed.inputShape, changed.targetShape]).toEqual([[4, 5], [2]]);
    expect(augment(grey, [randomCrop({ size: [3, 2] })]).inputShape).toEqual([3, 2]);
    expect(augment(own, [randomCrop({ size: 4 })]).inputShape).toEqual([4, 4, 2]);
    expect(augment(own, []).classes).toBe(COUNT);
    const stream = fromIterable([], { inputShape: [4, 4, 1], targetShape: [3], classes: 7 });
    expect(augment(stream, [(each) => resizeImage(each, 8)]).inputShape).toEqual([8, 8, 1]);
    expect([augment(stream, []).targetShape, augment(stream, []).classes]).toEqual([[3], 7]);
  });
  test("trains to the same bits again, and to others without it", async () => {
    const classes = dataset({
      inputs: own.inputs,
      labels: Array.from({ length: COUNT }, (_, i) => i % 3),
    });
    const end = async (data: Dataset | IterableDataset) => {
      const model = sequential({ input: [6, 5, 2] }, flatten(), dense(3));
      await model.initialize({ engine });
      setWeights(model);
      await train(model, {
        data,
        loss: softmaxCrossEntropy,
        optimizer: adam(),
        batchSize: 16,
        epochs: 2,
        seed: 1,
        engine,
      });
      return bits(weightsOf(model));
    };
    const changed = () => augment(classes, steps, { seed: 1 });
    expect(await end(changed())).toEqual(await end(changed()));
    expect(await end(changed())).not.toEqual(await end(classes));
  });
});

describe("bad input", () => {
  const flat = dataset({ inputs: { values: new Float32Array(20), shape: [10] } });
  test.each<[string, () => unknown, Error]>([
    [
      "inputs that are no images",
      () => augment(flat, []),
      new ShapeError("augment: wanted inputs [height, width] or [height, width, channels], got [10]"),
    ],
    [
      "a seed",
      () => augment(own, [], { seed: 0.5 }),
      new OptionError("augment: seed: got 0.5, wanted a safe integer"),
    ],
    [
      "a step that is called too late",
      () => augment(own, [horizontalFlip as never, "shift" as never]),
      new OptionError("augment: steps: got something else, wanted a list of functions such as shift(2)"),
    ],
    [
      "a part larger than the image",
      () => augment(own, [randomCrop({ size: 8, padding: [1, 1] })]),
      new OptionError("randomCrop: size: got [8, 8], wanted at most [8, 7]"),
    ],
    [
      "a probability",
      () => verticalFlip(1.5),
      new OptionError("verticalFlip: probability: got 1.5, wanted a number from 0 to 1"),
    ],
    [
      "a distance",
      () => shift(-1),
      new OptionError("shift: distance: got -1, wanted an integer from 0, or two of them"),
    ],
    ["half a pixel", () => shift([0, 0.5]), new OptionError("shift: distance: got [0,0.5]")],
    ["padding", () => randomCrop({ padding: Number.NaN }), new OptionError("randomCrop: padding: got null")],
    ["degrees", () => rotate(-5), new OptionError("rotate: degrees: got -5, wanted a number from 0 to 180")],
    ["factors", () => zoom(1.2, 0.8), new OptionError("zoom: to: got 0.8, wanted a number from 1.2 to 100")],
    [
      "a factor of nothing",
      () => zoom(0, 1),
      new OptionError("zoom: from: got 0, wanted a number from 0.01 to 100"),
    ],
    ["a deviation", () => noise(Number.POSITIVE_INFINITY), new OptionError("noise: deviation: got Infinity")],
    ["a size of nothing", () => cutout(0), new OptionError("cutout: size: got 0, wanted an integer from 1")],
    [
      "an amount",
      () => brightness(2),
      new OptionError("brightness: amount: got 2, wanted a number from 0 to 1"),
    ],
    ["no amount", () => contrast(Number.NaN), new OptionError("contrast: amount: got NaN")],
    ["a size", () => resizeImage(counted(2, 2), [1.5, 2]), new OptionError("resizeImage: size: got [1.5,2]")],
    ["no image", () => imageField([]), new OptionError("imageField: got no image, wanted one or more")],
    [
      "images of two sizes",
      () => imageField([counted(2, 2), counted(2, 3)]),
      new OptionError("imageField: image 1: got [2, 3, 1], wanted [2, 2, 1] as before"),
    ],
  ])("%s", (_, build, error) => {
    expect(build).toThrow(error.constructor as new () => Error);
    expect(build).toThrow(error.message);
  });
  test("a step whose sizes differ", async () => {
    let calls = 0;
    const stream = augment(own, [(each) => (calls++ < 2 ? each : resizeImage(each, 2))]);
    await expect(all(stream)).rejects.toThrow(
      new DataError("augment: a step gave 8 values, wanted 60 as before"),
    );
  });
});
