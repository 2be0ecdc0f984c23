// A static server of the installed package and the suite, as a user's own would be, with headers as a test wants them.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".wasm": "application/wasm",
};
export const ISOLATED = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};
/** What the library asks of a strict content-security policy, and no more. */
export const STRICT =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'";

/** The file of an entry point of a package, by conditions. */
function target(entry) {
  if (typeof entry === "string") return entry;
  const condition = Object.keys(entry).find((name) => ["browser", "import", "default"].includes(name));
  return target(entry[condition]);
}

/** Writes out where `downhill/…` lies: no page knows by itself, and an import map would be an inline script. */
function resolver(folder) {
  const { exports } = JSON.parse(readFileSync(join(folder, "node_modules/downhill/package.json"), "utf8"));
  return (script) =>
    script.replace(/(from )?"downhill(\/[a-z/]+)?"/g, (text, from, room = "") => {
      const entry = exports[`.${room}`];
      return from && entry
        ? `${from}"${new URL(target(entry), "file:///node_modules/downhill/").pathname}"`
        : text;
    });
}

/**
 * Serves a folder on 127.0.0.1. A page tells what it begins by posting its name to /stage, and what it has found to /told.
 * @param {string} folder
 * @param {{ headers: Record<string, string>, types?: Record<string, string>, missing?: RegExp }} site
 *   With all answers come these headers; files of these endings have another type; paths like this are not found.
 */
export async function serve(folder, { headers, types = {}, missing }) {
  const resolve = resolver(folder);
  let tell = () => {};
  let stage = () => {};
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    if (pathname === "/told" || pathname === "/stage") {
      const parts = [];
      request.on("data", (part) => parts.push(part));
      request.on("end", () => {
        response.writeHead(204, headers).end();
        const text = Buffer.concat(parts).toString();
        if (pathname === "/stage") stage(text);
        else tell(JSON.parse(text));
      });
      return;
    }
    const path = normalize(pathname);
    let body;
    try {
      if (missing?.test(path)) throw new Error("it is not to be found");
      body = readFileSync(join(folder, path));
    } catch {
      response.writeHead(404, headers).end();
      return;
    }
    const ending = extname(path);
    if (ending === ".js" && !path.startsWith("/node_modules/")) body = resolve(body.toString());
    const type = types[ending] ?? TYPES[ending] ?? "application/octet-stream";
    response.writeHead(200, { ...headers, "Content-Type": type, "Cache-Control": "no-store" }).end(body);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    told: () => new Promise((resolve) => (tell = resolve)),
    onStage(listener) {
      stage = listener;
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
