// The conformance suite from the packed package in real browsers: `npm run test:browsers`.
//
// In Chromium and Firefox, with and without cross-origin isolation, on the page's thread and in a worker of the page,
// under a strict content-security policy; the page's thread watched while it trains; and surroundings that lack
// something. `npm run test:browsers -- --renew` renews the table of HASHES.md, if all agree.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { install } from "../conformance/installed.js";
import { report } from "../conformance/report.js";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
if (!existsSync(here("node_modules"))) {
  const { status } = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], {
    cwd: here("."),
    stdio: "inherit",
  });
  if (status !== 0) process.exit(1);
}
const { BROWSERS, start } = await import("./browsers.js");
const { examine } = await import("./examine.js");

const folder = install(readdirSync(here("pages")).map((name) => new URL(`pages/${name}`, import.meta.url)));
const outcomes = [];
for (const each of BROWSERS) {
  if (process.env.ONLY && process.env.ONLY !== each.name) continue;
  const browser = await start(each);
  try {
    const version = await browser.version();
    for (const outcome of await examine(browser, folder)) {
      outcomes.push({ ...outcome, name: `${each.name}${outcome.name}`, version });
    }
  } finally {
    await browser.close();
  }
}
report("Browsers", outcomes, { renews: process.argv.includes("--renew"), ownsHashes: false });
