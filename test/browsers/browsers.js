// The browsers of the machine, and how a page is opened in one. They are driven by the standard protocol of browsers,
// WebDriver BiDi; what a page finds it tells the server by itself.
import { launch } from "puppeteer-core";
import { serve } from "./server.js";
import { record } from "./trace.js";

/** A page that tells nothing for so many milliseconds hangs. */
const HANGING = 300_000;

export const BROWSERS = [
  {
    name: "Chromium",
    traces: true,
    options: {
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
    },
  },
  {
    name: "Firefox",
    traces: false,
    options: { browser: "firefox", executablePath: process.env.FIREFOX ?? "/usr/bin/firefox-esr" },
  },
];

/** @param {(typeof BROWSERS)[number]} which */
export const start = ({ options }) => launch({ ...options, protocol: "webDriverBiDi", headless: true });

/**
 * Opens a page of a site that runs a task, and answers what it tells: { result } or { error }; with `tasks`, what
 * trace.js has recorded meanwhile.
 * @param {import("puppeteer-core").Browser} browser
 * @param {string} folder
 * @param {Parameters<typeof serve>[1]} site
 * @param {string} task Name of a module of pages/.
 * @param {{ traced?: boolean }} [options]
 */
export async function visit(browser, folder, site, task, { traced = false } = {}) {
  const server = await serve(folder, site);
  const page = await browser.newPage();
  let timer;
  try {
    const hanging = new Promise((resolve) => {
      timer = setTimeout(() => resolve({ error: "the page hangs" }), HANGING);
    });
    const crashed = new Promise((resolve) => {
      page.once("error", ({ message }) => resolve({ error: message }));
    });
    const recording = traced ? await record(page) : undefined;
    const told = server.told();
    await page.goto(`${server.origin}/browsers/pages/page.html?${task}`);
    const outcome = await Promise.race([told, hanging, crashed]);
    return recording && outcome.result ? { ...outcome, tasks: await recording.stop() } : outcome;
  } finally {
    clearTimeout(timer);
    await page.close();
    server.close();
  }
}
