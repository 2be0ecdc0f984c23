// The playground as it is built, used by a visitor in Chromium and Firefox: `npm run test:playground`.
//
// `-- chrome` or `-- firefox` names one browser. The browsers are those of the machine, their driver an npm package that
// is installed when it is missing. Screenshots are left in playground/screenshots, to be looked at.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { serve } from "./server.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const dist = join(here, "../../playground/dist");
const screenshots = join(here, "../../playground/screenshots");
/** Everything that the first view loads, zipped. */
const FIRST_VIEW = 300_000;

if (!existsSync(`${here}node_modules`)) {
  const { status } = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--ignore-scripts"], {
    cwd: here,
    stdio: "inherit",
  });
  if (status !== 0) process.exit(1);
}
const { launch, openPage } = await import("./browsers.js");
const { Visit } = await import("./visit.js");
const { visitShell } = await import("./shell.js");
const { visitTrain, trainWithoutIsolation } = await import("./train.js");
const { visitRace } = await import("./race.js");
const { benchWithoutIsolation, visitBench } = await import("./bench.js");
const { visitLearn } = await import("./learn.js");

mkdirSync(screenshots, { recursive: true });
let passed = 0;
const failures = [];
function check(what, good) {
  if (good) passed++;
  else failures.push(what);
  console.log(`${good ? "ok    " : "FAILED"} ${what}`);
}

/** What each visit does, on a page of its own; the first view is the page as it opens. */
const VISITS = [
  { name: "shell", isolated: true, act: visitShell },
  { name: "train", isolated: true, act: visitTrain },
  { name: "train-alone", isolated: false, act: trainWithoutIsolation },
  { name: "race", isolated: true, act: visitRace },
  { name: "bench", isolated: true, act: visitBench },
  { name: "bench-alone", isolated: false, act: benchWithoutIsolation },
  { name: "learn", isolated: true, act: visitLearn },
];

const wanted = process.argv.slice(2);
for (const kind of ["chrome", "firefox"].filter((each) => wanted.length === 0 || wanted.includes(each))) {
  const downloads = mkdtempSync(join(tmpdir(), "playground-"));
  const browser = await launch(kind, downloads);
  if (!browser) {
    check(`${kind}: is not on this machine`, false);
    continue;
  }
  console.log(await browser.version());
  try {
    for (const { name, isolated, act } of VISITS) {
      const server = await serve(dist, { isolated });
      const page = await openPage(browser, kind, downloads);
      const visit = new Visit(page, { check, name: `${kind}-${name}`, screenshots, downloads });
      const elsewhere = [];
      page.on("request", (request) => {
        const url = request.url();
        if (!url.startsWith(server.address) && !/^(blob|data|about):/.test(url)) elsewhere.push(url);
      });
      try {
        await page.setViewport({ width: 1280, height: 900 });
        await page.goto(server.address, { waitUntil: "load" });
        await visit.says("h1", "Train a network", 30);
        if (name === "shell") {
          const bytes = firstView(server);
          visit.check(`the first view loads ${Math.round(bytes / 1000)} kB of 300 kB`, bytes <= FIRST_VIEW);
        }
        await act(visit);
      } catch (error) {
        check(`${kind}-${name}: ${error.stack}`, false);
        await visit.screenshot("failure").catch(() => {});
      }
      visit.check(`asks no one else: ${elsewhere.join(" ")}`, elsewhere.length === 0);
      visit.check(`no complaints: ${visit.trouble.join(" | ")}`, visit.trouble.length === 0);
      await page.close();
      await server.close();
    }
  } finally {
    await browser.close();
    rmSync(downloads, { recursive: true, force: true });
  }
}

/** Bytes of all files that were asked for so far, zipped. */
function firstView({ asked, address }) {
  const { pathname } = new URL(address);
  const files = new Set(asked.map((path) => path.slice(pathname.length) || "index.html"));
  return [...files]
    .filter((file) => existsSync(join(dist, file)))
    .reduce((sum, file) => sum + gzipSync(readFileSync(join(dist, file))).length, 0);
}

for (const failure of failures) console.log(`FAILED ${failure}`);
console.log(`${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length > 0 ? 1 : 0;
