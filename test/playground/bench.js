// Bench, used from end to end. What is fast and what is slow no test decides.

const rows = ({ page }) =>
  page.$$eval(".bench tbody tr", (all) =>
    all.map((row) => [...row.cells].map(({ textContent }) => textContent.trim())),
  );
const facts = ({ page }) =>
  page.$$eval(".bench dl > div", (all) =>
    Object.fromEntries(all.map((each) => [...each.children].map(({ textContent }) => textContent))),
  );

async function measure(visit) {
  const { page, check } = visit;
  await visit.press("Bench", "nav a");
  await visit.says("h1", "Bench");
  await (await page.$(".bench input[type=checkbox]")).click();
  await visit.press("Measure");
  await visit.until("progress", async () => (await page.$(".bench progress")) !== null);
  await visit.press("Cancel");
  await visit.says(".bench [role=status]", "Cancelled.");
  await visit.press("Measure");
  await visit.says(".bench [role=status]", "Measured.", 240);
  const table = await rows(visit);
  const positive = (text) => Number(text) > 0;
  check(
    `all is measured: ${table.length} rows`,
    table.every(([, threads, median, fastest]) => [threads, median, fastest].every(positive)),
  );
  check(
    "every product has its share of the ceiling",
    table
      .filter(([name]) => /^\d+ × /.test(name))
      .every(([, , , , rate, share]) => positive(rate) && positive(share)),
  );
  return table;
}

export async function visitBench(visit) {
  const { page, check } = visit;
  const table = await measure(visit);
  const threads = new Set(table.map(([, each]) => each));
  check(`one thread and all: ${[...threads]}`, threads.size === 2 || navigator.hardwareConcurrency === 1);
  check("loop, four products, three models, each twice", table.length === 2 * (1 + 4 + 3));
  const text = await page.$eval(".bench textarea", ({ value }) => value);
  const { Browser, Machine } = await facts(visit);
  check(`the text names ${Browser} and ${Machine}`, text.includes(Browser) && text.includes(Machine));
  check(
    "the text has the table",
    table.every(([, , median]) => text.includes(median)),
  );
  await visit.press("Copy as JSON");
  await visit.says(".bench .row [role=status]", /Copied|does not let a page copy/);
  await visit.accessible("measured");
  await visit.screenshot("measured");
  await visit.choose("Theme", "dark");
  await visit.accessible("dark");
  await visit.screenshot("dark");
  await visit.choose("Language", "zh");
  await page.setViewport({ width: 360, height: 740 });
  await visit.fits("360 pixels");
  await visit.accessible("360 pixels, Chinese");
  await visit.screenshot("phone-chinese");
}

/** A page that may not share memory. */
export async function benchWithoutIsolation(visit) {
  const table = await measure(visit);
  visit.check("one thread alone", table.every(([, threads]) => threads === "1") && table.length === 8);
}
