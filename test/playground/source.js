// The playground's own modules in this Node, without a page: the numbers that a browser must come to as well.
import { fileURLToPath } from "node:url";
import { createEngine } from "../../build/bundle/node/index.js";

const playground = fileURLToPath(new URL("../../playground/", import.meta.url));

/** Gives the work a function that loads a module of the playground, and an engine of one thread in exact numerics. */
export async function withSource(work) {
  const { createServer } = await import(`${playground}node_modules/vite/dist/node/index.js`);
  const server = await createServer({
    root: playground,
    server: { middlewareMode: true, ws: false },
    appType: "custom",
    logLevel: "error",
    optimizeDeps: { noDiscovery: true },
    // The package as Node finds it, not as Vite would transform it.
    ssr: { external: ["downhill"] },
  });
  const engine = await createEngine({ numerics: "exact", threads: 1 });
  try {
    return await work((path) => server.ssrLoadModule(`/src/${path}`), engine);
  } finally {
    await engine.close();
    await server.close();
  }
}
