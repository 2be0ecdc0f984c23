// Models in Chromium, in a page served on the loopback interface with the runtime's own files.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { installPackages } from "../../conformance/packages.js";

const DIST = new URL("../node_modules/onnxruntime-web/dist/", import.meta.url);
/** A page that tells nothing for so many milliseconds hangs. */
const HANGING = 300_000;
const TYPES = { ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };

/** What the page runs: each model once, one thread. */
const PAGE = `<!doctype html><title>ONNX</title><link rel="icon" href="data:,"><script type="module">
import * as ort from "/runtime/ort.wasm.min.mjs";
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = "/runtime/";
const told = [];
for (const { name, type, inputs, shape } of await (await fetch("/models")).json()) {
  try {
    const bytes = new Uint8Array(await (await fetch("/model/" + name)).arrayBuffer());
    const session = await ort.InferenceSession.create(bytes);
    const Values = type === "int32" ? Int32Array : Float32Array;
    const results = await session.run({ input: new ort.Tensor(type, Values.from(inputs), shape) });
    told.push({ name, got: [...results.output.data] });
  } catch (error) {
    told.push({ name, got: String(error) });
  }
}
await fetch("/told", { method: "POST", body: JSON.stringify(told) });
</script>`;

function serve(models, tell) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const answer = (body, type) => response.writeHead(200, { "Content-Type": type }).end(body);
    if (pathname === "/") answer(PAGE, "text/html; charset=utf-8");
    else if (pathname === "/models")
      answer(
        JSON.stringify(
          models.map(({ name, type, inputs, shape }) => ({ name, type, inputs: [...inputs], shape })),
        ),
        "application/json",
      );
    else if (pathname.startsWith("/model/"))
      answer(models.find(({ name }) => pathname === `/model/${name}`).bytes, "application/octet-stream");
    else if (pathname.startsWith("/runtime/")) {
      const name = pathname.slice("/runtime/".length);
      answer(readFileSync(new URL(name, DIST)), TYPES[extname(name)] ?? "application/octet-stream");
    } else if (pathname === "/told") {
      const parts = [];
      for await (const part of request) parts.push(part);
      response.writeHead(204).end();
      tell(JSON.parse(Buffer.concat(parts).toString()));
    } else response.writeHead(404).end();
  });
  return new Promise((listening) => server.listen(0, "127.0.0.1", () => listening(server)));
}

/**
 * Runs models in a page.
 * @param {{ name: string, bytes: Uint8Array, type: string, inputs: ArrayLike<number>, shape: number[], wanted: Float32Array }[]} models
 * @returns {Promise<{ name: string, got: number[] | string, wanted: Float32Array }[]>} A text where it failed.
 */
export async function inChromium(models) {
  installPackages(fileURLToPath(new URL("../../browsers", import.meta.url)));
  const { BROWSERS, start } = await import("../../browsers/browsers.js");
  let server;
  let timer;
  const told = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error("the page hangs")), HANGING);
    server = serve(models, resolve);
  });
  const browser = await start(BROWSERS.find(({ name }) => name === "Chromium"));
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(await server).address().port}/`);
    const results = await told;
    return models.map(({ name, wanted }) => ({
      name,
      got: results.find((each) => each.name === name).got,
      wanted,
    }));
  } finally {
    clearTimeout(timer);
    await browser.close();
    (await server).closeAllConnections();
    (await server).close();
  }
}
