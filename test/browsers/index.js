// The conformance suite from the packed package in real browsers: `npm run test:browsers`.
//
// In Chromium and Firefox, with and without cross-origin isolation, on the page's thread and in a worker of the page,
// under a strict content-security policy; the page's thread watched while it trains; and surroundings that lack
// something. `npm run test:browsers -- --renew` renews the table of HASHES.md, if all agree; `-- --only=Firefox` runs one.
import { fileURLToPath } from "node:url";
import { install } from "../conformance/installed.js";
import { installPackages } from "../conformance/packages.js";
import { report } from "../conformance/report.js";

installPackages(fileURLToPath(new URL(".", import.meta.url)));
// They import what has just been installed.
const { BROWSERS } = await import("./browsers.js");
const { examine } = await import("./examine.js");

const folder = install(["browsers/pages"]);
const only = process.argv.find((each) => each.startsWith("--only="))?.slice("--only=".length);
const outcomes = [];
for (const each of BROWSERS) {
  if (only !== undefined && only !== each.name) continue;
  const browser = await each.start();
  try {
    const version = await browser.version();
    for (const outcome of await examine(browser, folder, each)) {
      outcomes.push({ ...outcome, name: `${each.name}${outcome.name}`, version });
    }
  } finally {
    await browser.close();
  }
}
report("Browsers", outcomes, {
  renews: process.argv.includes("--renew"),
  ownsHashes: false,
  partly: only !== undefined,
});
