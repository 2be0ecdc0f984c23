// A browser without vectors, one that promises little memory, and one that has none left. The first two are played: here
// stands in for what older phones do; for the last the page itself takes what there is.
import { createEngine, train } from "downhill";
import { mnistFromBytes } from "downhill/data";
import { errorOf } from "../../conformance/errors.js";
import { MODELS, trainingOf } from "../../conformance/models.js";
import { weightsOf } from "../../conformance/suite.js";
import { digits } from "./digits.js";

const { Memory, validate } = WebAssembly;

async function withoutVectors() {
  WebAssembly.validate = () => false;
  try {
    return await errorOf(() => createEngine());
  } finally {
    WebAssembly.validate = validate;
  }
}

/** As iOS does, which refuses to promise much, also where little is used. */
async function withLittleMemory() {
  WebAssembly.Memory = class extends Memory {
    constructor(descriptor) {
      if (descriptor.maximum > 2048) throw new RangeError("could not allocate memory");
      super(descriptor);
    }
  };
  const kind = MODELS.mlp;
  const { images, labels } = await digits();
  const data = mnistFromBytes(images, labels).take(3200);
  const model = kind.define();
  let engine;
  try {
    engine = await createEngine({ numerics: "exact" });
  } finally {
    WebAssembly.Memory = Memory;
  }
  await train(model, { ...trainingOf(kind, data), engine });
  await engine.close();
  return weightsOf(model);
}

/** Every memory keeps addresses for what it may grow to: some hundred of them are all that there are. */
async function withoutMemory() {
  const taken = [];
  const fill = () => {
    const before = taken.length;
    try {
      while (taken.length < 10_000) taken.push(new Memory({ initial: 1, maximum: 65_536 }));
    } catch {}
    return taken.length - before;
  };
  // Memories that nobody holds any more may come back only when the page has been left to itself for a moment.
  for (let rounds = 0; fill() > 0 && rounds < 20; rounds++) await new Promise((done) => setTimeout(done, 50));
  const error = taken.length < 10_000 ? await errorOf(() => createEngine()) : "none was refused";
  // Held until here, or the browser would take them back.
  taken.length = 0;
  return error;
}

export const task = async () => ({
  vectors: await withoutVectors(),
  little: await withLittleMemory(),
  // Memories that can be shared are counted elsewhere, so there is nothing to take all of.
  ...(crossOriginIsolated ? {} : { none: await withoutMemory() }),
});
