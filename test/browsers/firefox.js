// Firefox without a driver, a process of its own for each page. While one that speaks WebDriver BiDi is connected, Firefox
// 153 never comes back from some `new Worker` within a worker, about one of thirty, shared memory or not.
import { execFileSync } from "node:child_process";
import { EventEmitter } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Browser, createProfile, launch } from "@puppeteer/browsers";

/** A page that is opened once, and tells with "error" that its browser has ended by itself. */
class Page extends EventEmitter {
  #executablePath;
  #folder = mkdtempSync(join(tmpdir(), "downhill-firefox-"));
  #process;

  constructor(executablePath) {
    super();
    this.#executablePath = executablePath;
  }

  /** @param {string} url */
  async goto(url) {
    await createProfile(Browser.FIREFOX, { path: this.#folder, preferences: {} });
    this.#process = launch({
      executablePath: this.#executablePath,
      args: ["--headless", "--no-remote", "--profile", this.#folder, url],
      onExit: async () => {
        if (this.listenerCount("error") > 0) this.emit("error", new Error("the browser has ended"));
      },
    });
  }

  async close() {
    this.removeAllListeners();
    await this.#process?.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** What the tests use of puppeteer's Browser: pages to open and close, and a version. */
export class Firefox {
  #executablePath;
  #pages = [];

  /** @param {string} executablePath */
  constructor(executablePath) {
    this.#executablePath = executablePath;
  }

  async version() {
    const said = execFileSync(this.#executablePath, ["--version"], { encoding: "utf8" });
    return `firefox/${/[\d.]+/.exec(said)?.[0]}`;
  }

  async newPage() {
    const page = new Page(this.#executablePath);
    this.#pages.push(page);
    return page;
  }

  async close() {
    await Promise.all(this.#pages.map((page) => page.close()));
  }
}
