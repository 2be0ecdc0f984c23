// The browsers of this machine, driven by puppeteer-core: Chromium and Firefox, with a folder for what they download.
import { existsSync } from "node:fs";

const PATHS = {
  chrome: [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"],
  firefox: [process.env.FIREFOX, "/usr/bin/firefox-esr", "/usr/bin/firefox"],
};

/** A browser without a window; undefined where there is none. */
export async function launch(browser, downloads) {
  const { default: puppeteer } = await import("puppeteer-core");
  const executablePath = PATHS[browser].find((path) => path && existsSync(path));
  if (!executablePath) return undefined;
  const launched = await puppeteer.launch({
    browser,
    executablePath,
    headless: true,
    args:
      browser === "chrome"
        ? [
            ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
          ]
        : [],
    extraPrefsFirefox: {
      "browser.download.folderList": 2,
      "browser.download.dir": downloads,
      "browser.download.useDownloadDir": true,
      "browser.download.always_ask_before_handling_new_types": false,
      // The panel of downloads would take the keyboard from the page.
      "browser.download.alwaysOpenPanel": false,
      "browser.helperApps.neverAsk.saveToDisk": "application/octet-stream",
      "intl.accept_languages": "en-US",
      "datareporting.policy.dataSubmissionEnabled": false,
    },
  });
  return launched;
}

/** A page in which the browser keeps what is downloaded. */
export async function openPage(browser, kind, downloads) {
  const page = await browser.newPage();
  if (kind === "chrome") {
    const session = await browser.target().createCDPSession();
    await session.send("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: downloads });
  }
  return page;
}
