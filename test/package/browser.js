// A real browser without a window, and a server of files: where the consumers that are pages are opened.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import puppeteer from "puppeteer-core";

const TIME_LIMIT = 300_000;
const TYPES = {
  ".css": "text/css",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".map": "application/json",
  ".mjs": "text/javascript; charset=utf-8",
  ".wasm": "application/wasm",
};
/** With these a page may share memory with its workers. */
export const ISOLATION = {
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Opener-Policy": "same-origin",
};

/** Serves a folder as any server of static files does, until it is closed. */
export async function serveFolder(folder, headers = {}) {
  const server = createServer(async ({ url }, response) => {
    const path = normalize(decodeURIComponent(new URL(url, "http://localhost").pathname));
    const file = join(folder, path.endsWith("/") ? `${path}index.html` : path);
    const bytes = await readFile(file).catch(() => undefined);
    const type = TYPES[extname(file)] ?? "application/octet-stream";
    response.writeHead(bytes ? 200 : 404, { "Content-Type": bytes ? type : "text/plain", ...headers });
    response.end(bytes ?? "not found");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  // By this name a page is in a secure context, which isolation asks for.
  return {
    address: `http://localhost:${server.address().port}/`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

let browser;

async function launch() {
  browser ??= puppeteer.launch({
    executablePath: "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  return browser;
}

/**
 * Opens a page; answers what it shows, when that begins with a mark, and the addresses of what it has loaded that holds a
 * compiled module, as it is or as text. What it complains of, and what it asks for in vain, fails it.
 */
export async function open(address, mark) {
  const context = await (await launch()).createBrowserContext();
  const page = await context.newPage();
  let fail;
  const failed = new Promise((_, reject) => (fail = (reason) => reject(new Error(`page: ${reason}`))));
  page.on("pageerror", (error) => fail(error.stack ?? String(error)));
  page.on("console", (said) => {
    // A browser asks for an icon of its own accord.
    if (["error", "warn"].includes(said.type()) && !said.location()?.url?.endsWith("/favicon.ico"))
      fail(`${said.type()}: ${said.text()} ${said.location()?.url ?? ""}`);
  });
  page.on("requestfailed", (request) => fail(`${request.url()}: ${request.failure()?.errorText}`));
  const looked = [];
  page.on("response", (response) => {
    const wasm = response.headers()["content-type"] === TYPES[".wasm"];
    // What the bytes of each module begin with, in base64.
    const text = wasm ? Promise.resolve("") : response.text().catch(() => "");
    looked.push(text.then((said) => (wasm || said.includes("AGFzbQ")) && response.url()));
    if (response.status() >= 400 && !response.url().endsWith("/favicon.ico"))
      fail(`${response.url()}: status ${response.status()}`);
  });
  try {
    await Promise.race([failed, page.goto(address, { timeout: TIME_LIMIT })]);
    const shown = page.waitForFunction(
      (mark) => document.body?.textContent.startsWith(mark) && document.body.textContent,
      { timeout: TIME_LIMIT },
      mark,
    );
    const said = await (await Promise.race([failed, shown])).jsonValue();
    return { said, modules: (await Promise.all(looked)).filter(Boolean) };
  } finally {
    failed.catch(() => {});
    await context.close();
  }
}

/** Ends the browser, if one was needed. */
export async function close() {
  await (await browser)?.close();
}
