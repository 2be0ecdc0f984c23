// A folder's page.html in Chromium and Firefox, under the content-security policy that the library asks for.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { installPackages } from "../../conformance/packages.js";

/** A page that tells nothing for so many milliseconds hangs. */
const HANGING = 120_000;
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };

/** Serves a folder on the loopback interface; what is posted to /told is told. */
async function serve(folder, policy, tell) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const headers = { "Content-Security-Policy": policy };
    if (pathname === "/told") {
      const parts = [];
      for await (const part of request) parts.push(part);
      response.writeHead(204, headers).end();
      tell(JSON.parse(Buffer.concat(parts).toString()));
      return;
    }
    try {
      const body = readFileSync(join(folder, normalize(pathname)));
      const type = TYPES[extname(pathname)] ?? "application/octet-stream";
      response.writeHead(200, { ...headers, "Content-Type": type }).end(body);
    } catch {
      response.writeHead(404, headers).end();
    }
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return server;
}

/**
 * What the page tells in each browser: [name, what it posted to /told].
 * @param {string} folder
 */
export async function predictInPages(folder) {
  installPackages(fileURLToPath(new URL("../../browsers", import.meta.url)));
  const { BROWSERS, start } = await import("../../browsers/browsers.js");
  const { STRICT } = await import("../../browsers/server.js");
  const outcomes = [];
  for (const which of BROWSERS) {
    let tell = () => {};
    let timer;
    const told = new Promise((resolve) => {
      tell = resolve;
      timer = setTimeout(() => resolve({ error: "the page hangs" }), HANGING);
    });
    const server = await serve(folder, STRICT, tell);
    const browser = await start(which);
    try {
      const page = await browser.newPage();
      await page.goto(`http://127.0.0.1:${server.address().port}/page.html`);
      outcomes.push([which.name, await told]);
    } finally {
      clearTimeout(timer);
      await browser.close();
      server.closeAllConnections();
      server.close();
    }
  }
  return outcomes;
}
