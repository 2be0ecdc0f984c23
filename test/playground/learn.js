// Learn, used from end to end: every optimizer, its formula, and its path with the bits of Node.
import { withSource } from "./source.js";

const STEPS = 50;

/** Each optimizer as the page opens it, and Adam with another learning rate; the ends of their walks. */
const walkHere = () =>
  withSource(async (load, engine) => {
    const { optimizers } = await load("parts/optimizer-list.ts");
    const { walk } = await load("parts/descents.ts");
    const { neededSurface, walkOptions } = await load("parts/rates.ts");
    const { surfaceOf } = await load("parts/surfaces.ts");
    const end = async (optimizer, options) => {
      const surface = neededSurface(optimizer) ?? "rosenbrock";
      const { start } = surfaceOf(surface);
      const { x, y, value } = await walk(engine, { surface, optimizer, options, start, steps: STEPS });
      return `${x.at(-1)} ${y.at(-1)} ${value.at(-1)}`;
    };
    const ends = new Map();
    for (const { name } of optimizers) ends.set(name, await end(name, walkOptions(name)));
    const turned = new Map();
    for (const learningRate of [0.2, 0.5]) turned.set(learningRate, await end("adam", { learningRate }));
    return { ends, turned };
  });

export async function visitLearn(visit) {
  const { page, check } = visit;
  await visit.press("Learn", "nav a");
  await visit.says("h1", "Learn");
  const here = await walkHere();
  const outcome = () => page.$eval(".outcome data", ({ value }) => value).catch(() => "");
  const ends = [];
  for (const [name, wanted] of here.ends) {
    await (await visit.find(name, ".list a")).press("Enter");
    await visit.says("#optimizer-name", name);
    await visit.fill("Steps", STEPS);
    await page.keyboard.press("Enter");
    await visit
      .until(`${name} walks as on Node`, async () => (await outcome()) === wanted, 20)
      .then(
        () => ends.push(name),
        async () => check(`${name} ends at ${await outcome()}, on Node at ${wanted}`, false),
      );
    const { lines, wrong } = await page.evaluate(() => ({
      lines: document.querySelectorAll(".formula .katex-mathml math").length,
      wrong: document.querySelectorAll(".katex-error").length,
    }));
    if (lines === 0 || wrong > 0) check(`${name}: ${lines} lines of a formula, ${wrong} wrong`, false);
  }
  check(
    `${ends.length} optimizers have the bits of Node after ${STEPS} steps`,
    ends.length === here.ends.size,
  );

  await (await visit.find("adam", ".list a")).press("Enter");
  await visit.says("#optimizer-name", "adam");
  await visit.accessible("adam");
  await visit.fill("Steps", STEPS);
  await page.keyboard.press("Enter");
  for (const [rate, wanted] of here.turned) {
    await visit.fill("learningRate", rate);
    await page.keyboard.press("Enter");
    await visit.until(`a rate of ${rate} walks as on Node`, async () => (await outcome()) === wanted);
  }
  const before = await outcome();
  await (await page.$(".knob input[type=range]")).press("ArrowLeft");
  await visit.until("a slider by the keyboard draws anew", async () => (await outcome()) !== before);
  await visit.fill("learningRate", "-1");
  await page.keyboard.press("Enter");
  await visit.says(".picture [role=alert]", "adam: learningRate: wanted a finite number ≥ 0, got -1");
  await visit.press("As the library has them");
  await visit.until("the library's rate", async () =>
    (await visit.find("learningRate", "input[type=number]")).evaluate(({ value }) => value === "0.001"),
  );
  await visit.press("As at first");
  const source = await page.$eval(".told dd a[href*=source]", ({ href }) => href);
  const text = await page.evaluate(async (address) => (await fetch(address)).text(), source);
  check("the source is beside the page", text.includes("export function adam("));
  await visit.screenshot("adam");
  await visit.choose("Theme", "dark");
  await visit.accessible("dark");
  await visit.screenshot("adam-dark");
  await visit.choose("Language", "zh");
  await visit.says("h1", "学习");
  await page.setViewport({ width: 360, height: 740 });
  await visit.choose("优化器", "soap");
  await visit.says("#optimizer-name", "soap");
  await visit.until("a path", async () => (await outcome()) !== "");
  await visit.fits("360 pixels");
  await visit.accessible("360 pixels, Chinese");
  await visit.screenshot("phone-chinese");
}
