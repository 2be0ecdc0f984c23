// The browsers of the machine, and how a page is opened in one. What a page finds it tells the server by itself.
import { launch } from "puppeteer-core";
import { Firefox } from "./firefox.js";
import { serve } from "./server.js";
import { record } from "./trace.js";

/** A page that begins nothing for so many milliseconds hangs, and so does a browser that does not answer. */
const HANGING = 300_000;

export const BROWSERS = [
  {
    name: "Chromium",
    traces: true,
    start: () =>
      launch({
        browser: "chrome",
        executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
        args: [
          // Continuous integration runs as root.
          "--no-sandbox",
          "--disable-gpu",
          "--no-first-run",
          "--disable-background-networking",
          "--disable-component-update",
          "--disable-sync",
        ],
        protocol: "webDriverBiDi",
        headless: true,
      }),
  },
  {
    name: "Firefox",
    traces: false,
    start: async () => new Firefox(process.env.FIREFOX ?? "/usr/bin/firefox-esr"),
  },
];

/** An answer of the browser, or an error that says which it owes: one that is lost would be waited for without end. */
function within(what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} takes more than ${HANGING / 1000} s`)), HANGING);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/**
 * Opens a page of a site that runs a task, and answers what it tells: { result } or { error }; with `tasks`, what
 * trace.js has recorded meanwhile.
 * @param {Awaited<ReturnType<(typeof BROWSERS)[number]["start"]>>} browser
 * @param {string} folder
 * @param {Parameters<typeof serve>[1]} site
 * @param {string} task Name of a module of pages/.
 * @param {{ traced?: boolean }} [options]
 */
export async function visit(browser, folder, site, task, { traced = false } = {}) {
  const server = await serve(folder, site);
  let page;
  let timer;
  try {
    page = await within("opening a page", browser.newPage());
    const crashed = new Promise((resolve) => {
      page.once("error", ({ message }) => resolve({ error: message }));
    });
    const recording = traced ? await within("recording", record(page)) : undefined;
    // A busy machine makes a page slow for as long as it likes: what hangs is one that begins nothing more.
    const hanging = new Promise((resolve) => {
      const wait = (begun) => {
        clearTimeout(timer);
        const error = `the page hangs: nothing for ${HANGING / 1000} s since it began ${begun}`;
        timer = setTimeout(() => resolve({ error }), HANGING);
      };
      wait("to load");
      server.onStage(wait);
    });
    const told = server.told();
    // What it tells counts, whether or not the browser says that it has been loaded.
    const unloaded = page
      .goto(`${server.origin}/browsers/pages/page.html?${task}`, { timeout: 0 })
      .then(() => new Promise(() => {}));
    const outcome = await Promise.race([told, hanging, crashed, unloaded]);
    return recording && outcome.result
      ? { ...outcome, tasks: await within("a recording", recording.stop()) }
      : outcome;
  } catch (error) {
    return { error: `${task}: ${error.message}` };
  } finally {
    clearTimeout(timer);
    // One that hangs may not close; the next has a page of its own.
    if (page)
      await within("closing a page", page.close()).catch(({ message }) =>
        console.error(`${task}: ${message}`),
      );
    server.close();
  }
}
