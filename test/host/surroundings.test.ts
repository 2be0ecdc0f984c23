// Bad surroundings: what is missing is said in a typed error, or replaced as the documents promise.
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test, vi } from "vitest";
import { createEngine, createEngineSync, EngineError, MemoryError } from "#src/index";
import { isolate, PageWorker, page, pageData } from "./page.ts";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe("WebAssembly", () => {
  test.each([
    ["none", () => vi.stubGlobal("WebAssembly", undefined)],
    ["without SIMD", () => vi.spyOn(WebAssembly, "validate").mockReturnValue(false)],
  ])("%s", async (_, take) => {
    take();
    await expect(createEngine()).rejects.toBeInstanceOf(EngineError);
    await expect(createEngine()).rejects.toThrow("engine: WebAssembly: got none with SIMD");
    expect(() => createEngineSync()).toThrow(EngineError);
  });
  test("left behind by a bundler", async () => {
    const folder = await mkdtemp(join(tmpdir(), "downhill-"));
    try {
      const bundle = fileURLToPath(new URL("../../build/bundle", import.meta.url));
      await cp(bundle, join(folder, "moved"), { recursive: true });
      const moved: typeof import("#src/index") = await import(join(folder, "moved/node/index.js"));
      const error = await moved.createEngine().catch((error: unknown) => error);
      expect(error).toBeInstanceOf(moved.EngineError);
      expect((error as Error).message).toMatch(/got none at .*\.wasm.*keep downhill out of the bundle/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
  // As Chromium 156 and Firefox 153 put it.
  test.each([
    "WebAssembly.compile(): Compiling or instantiating WebAssembly module violates the following Content Security policy directive because 'unsafe-eval' is not an allowed source of script",
    "call to WebAssembly.compile() blocked by CSP",
  ])("forbidden by the policy of the page: %s", async (message) => {
    vi.spyOn(WebAssembly, "compile").mockRejectedValue(new WebAssembly.CompileError(message));
    const error = await page.createEngine().catch((error: unknown) => error);
    expect(error).toBeInstanceOf(page.EngineError);
    expect((error as Error).message).toMatch(/policy.*script-src with 'wasm-unsafe-eval'/);
    expect((error as Error).cause).toBeInstanceOf(WebAssembly.CompileError);
  });
});

describe("workers", () => {
  /** How browsers refuse a worker: with an event that has no words, or at once. */
  class Missing extends PageWorker {
    constructor() {
      super("data:text/javascript,", { type: "module" });
      setTimeout(() => this.fail());
    }
  }
  class Forbidden {
    constructor() {
      throw new DOMException("Failed to construct 'Worker'", "SecurityError");
    }
  }
  class Unsharing extends PageWorker {
    override postMessage(): void {
      throw new DOMException("memory could not be cloned", "DataCloneError");
    }
  }
  test.each([
    ["whose script does not load", Missing, "its script could not be loaded"],
    ["that are forbidden", Forbidden, "Failed to construct 'Worker'"],
    ["that the memory cannot be given to", Unsharing, "could not be cloned"],
  ])("%s: by default the page's thread, else an error", async (_, worker, reason) => {
    isolate({ worker });
    const engine = await page.createEngine();
    expect(engine.threads).toBe(1);
    expect(engine.usable).toBe(true);
    const model = page.sequential({ input: [3] }, page.dense(2));
    expect(model.predictSync(new Float32Array(3), { engine }).length).toBe(2);
    expect((await model.predict(new Float32Array(3), { engine })).length).toBe(2);
    await engine.close();
    const attempt = page.createEngine({ threads: 2 });
    await expect(attempt).rejects.toBeInstanceOf(page.EngineError);
    await expect(attempt).rejects.toThrow(reason);
    await expect(attempt).rejects.toThrow("workerUrl");
  });
  test("on Node too a script that is missing is an error", async () => {
    const attempt = createEngine({ threads: 2, workerUrl: new URL("nothing.js", import.meta.url) });
    await expect(attempt).rejects.toBeInstanceOf(EngineError);
    await expect(attempt).rejects.toThrow(
      /worker 1 could not begin, see createEngine's workerUrl: .*nothing/s,
    );
  });
});

describe("memory", () => {
  const { Memory } = WebAssembly;
  afterEach(() => Object.assign(WebAssembly, { Memory }));
  /** A runtime that refuses to promise more than so many pages. */
  function refuseAbove(pages: number) {
    const asked: number[] = [];
    const construct = (_: unknown, [descriptor]: [WebAssembly.MemoryDescriptor]) => {
      asked.push(descriptor.maximum!);
      if (descriptor.maximum! > pages) throw new RangeError("could not allocate memory");
      return new Memory(descriptor);
    };
    Object.assign(WebAssembly, { Memory: new Proxy(Memory, { construct }) });
    return asked;
  }
  test("a smaller promise is asked for where a large one is refused", async () => {
    const asked = refuseAbove(5000);
    const engine = await createEngine({ threads: 2 });
    expect(asked).toEqual([32768, 16384, 8192, 4096]);
    // What it may grow to is known before it is tried.
    expect(() => engine.allocate(4096 * 65_536, "block")).toThrow(/block: needs .* of 268435456 are left/);
    expect(engine.allocate(2 ** 27, "block").bytes).toBeGreaterThanOrEqual(2 ** 27);
    await engine.close();
  });
  test("none at all is an error", async () => {
    refuseAbove(0);
    const error = await createEngine().catch((error: unknown) => error);
    expect(error).toBeInstanceOf(MemoryError);
    expect(error).toMatchObject({ neededBytes: 65_536, allowedBytes: 0 });
    expect(() => createEngineSync()).toThrow(MemoryError);
  });
});

test("where there is no terminal, progress is a line an epoch", async () => {
  const lines = vi.spyOn(console, "log").mockImplementation(() => {});
  const model = page.sequential({ input: [1] }, page.dense(1));
  await page.train(model, {
    data: pageData.dataset({ inputs: [[0], [1]], targets: [1, 3] }),
    ...{ loss: page.meanSquaredError, optimizer: page.adam(), epochs: 2, callbacks: [page.progress()] },
  });
  expect(lines.mock.calls.map(([line]) => String(line).slice(0, 9))).toEqual(["epoch 1/2", "epoch 2/2"]);
});

describe("no file system", () => {
  test("what needs one says so", async () => {
    const directory = await mkdtemp(join(tmpdir(), "downhill-"));
    try {
      const model = page.sequential({ input: [3] }, page.dense(2));
      await model.initialize();
      const attempt = model.save(join(directory, "model.safetensors"));
      await expect(attempt).rejects.toBeInstanceOf(page.EngineError);
      await expect(attempt).rejects.toThrow("file system: got none, wanted Node, Deno or Bun");
      await expect(pageData.mnist()).rejects.toBeInstanceOf(page.DataError);
      await expect(pageData.mnist()).rejects.toThrow("elsewhere use mnistFromBytes");
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
