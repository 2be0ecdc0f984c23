// Race, used from end to end.
import { withSource } from "./source.js";

const STEPS = 50;
/** What the page has set when it is opened. */
const ENTRANTS = [
  ["sgd", { learningRate: 0.001, momentum: 0.9 }],
  ["rmsprop", { learningRate: 0.02 }],
  ["adam", { learningRate: 0.1 }],
  ["lion", { learningRate: 0.02 }],
];

const surface = "[aria-labelledby=race-surface]";
const network = "[aria-labelledby=race-network]";
/** Whole numbers behind those that are shown, a row each. */
const values = ({ page }, section) =>
  page.$$eval(`${section} tbody data`, (all) => all.map((each) => each.value));
const names = ({ page }, section) =>
  page.$$eval(`${section} tbody th`, (all) => all.map((each) => each.textContent.replace(/^\d/, "").trim()));

/** The same walks and trainings on Node. */
const runHere = () =>
  withSource(async (load, engine) => {
    const { walk } = await load("parts/descents.ts");
    const { raceNetworks } = await load("pages/race/networks.ts");
    const { networkOptions, withMomentum } = await load("parts/rates.ts");
    const ends = [];
    for (const [optimizer, options] of ENTRANTS) {
      const { value } = await walk(engine, {
        ...{ surface: "rosenbrock", optimizer, options, start: [-1.2, 1] },
        steps: STEPS,
      });
      ends.push(String(value[STEPS]));
    }
    const losses = [];
    const entrants = ENTRANTS.map(([optimizer]) => ({
      optimizer,
      options: withMomentum(optimizer, networkOptions(optimizer, "spirals")),
    }));
    const race = { task: "spirals", seed: 1, entrants, digits: "" };
    await raceNetworks(engine, race, (update) => losses.push(String(update.losses.at(-1))));
    return { ends, losses };
  });

export async function visitRace(visit) {
  const { page, check } = visit;
  await visit.press("Race", "nav a");
  await visit.says("h1", "Race");
  await visit.until("four paths", async () => (await values(visit, surface)).length === 4);
  await visit.accessible("as it opens");
  await visit.screenshot("first");
  const here = await runHere();

  await visit.fill("Steps", STEPS);
  await page.keyboard.press("Enter");
  await visit.says(`${surface} output`, `Step ${STEPS} of ${STEPS}`);
  await visit.until("the values of Node, to the bit", async () =>
    (await values(visit, surface)).every((value, i) => value === here.ends[i]),
  );
  check(`${STEPS} steps on Rosenbrock have the bits of Node: ${here.ends.join(", ")}`, true);

  // The film, by buttons and by the keyboard.
  await visit.press("To the start");
  await visit.says(`${surface} output`, `Step 0 of ${STEPS}`);
  await visit.press("One step on");
  await visit.says(`${surface} output`, `Step 1 of ${STEPS}`);
  await visit.choose("Speed", "200");
  await visit.press("Play");
  await visit.says(`${surface} output`, `Step ${STEPS} of ${STEPS}`);
  await visit.says(`${surface} [role=status]`, /^Step 50\. Lowest: /);
  await (await visit.find("Step", "input[type=range]")).press("ArrowLeft");
  await visit.says(`${surface} output`, `Step ${STEPS - 1} of ${STEPS}`);

  // Another start, by the keyboard and by a click.
  const startX = async () => (await visit.find("Start x")).evaluate(({ value }) => Number(value));
  const before = await startX();
  await page.$eval(".map .start", (element) => element.focus());
  await page.keyboard.press("ArrowRight");
  await visit.until("the start has moved", async () => (await startX()) > before);
  const box = await (await page.$(".map canvas")).boundingBox();
  await page.mouse.click(box.x + 0.75 * box.width, box.y + 0.2 * box.height);
  await visit.until("the start is where it was clicked", async () => Math.abs((await startX()) - 1) < 0.05);

  // Up to six, each with its knobs.
  await visit.press("Add an optimizer");
  await visit.press("Add an optimizer");
  const add = await page.$(`${surface} .entrants > .row button`);
  check("six are the most", await add.evaluate(({ disabled }) => disabled));
  await visit.choose("Optimizer 6", "adam");
  await visit.until("two of a name are told apart", async () =>
    (await names(visit, surface)).includes("adam (6)"),
  );
  await visit.press("Remove adam");
  await visit.until("five", async () => (await names(visit, surface)).length === 5);
  const rate = await page.$(`${surface} .entrants li:nth-child(3) input[type=number]`);
  await rate.evaluate((element) => {
    element.scrollIntoView({ block: "center" });
    element.focus();
    element.select();
  });
  await page.keyboard.type("-1");
  await page.keyboard.press("Enter");
  await visit.says(`${surface} td.bad`, "learningRate: wanted a finite number ≥ 0, got -1");
  await visit.accessible("an error");
  await visit.press("Find learning rates");
  await visit.says(`${surface} [role=status]`, "the best of 15 learning rates");
  await visit.until("all walk again", async () => (await values(visit, surface)).length === 5);
  for (const name of ["himmelblau", "rastrigin", "ackley", "noisyQuadratic"]) {
    await visit.choose("Surface", name);
    await visit.until(`${name} is walked on`, async () => (await values(visit, surface)).length === 5);
  }
  await visit.choose("Surface", "himmelblau");

  await visit.press("Run");
  await visit.says(`${network} [role=status]`, "All have run.", 120);
  const losses = await values(visit, network);
  check(`the spirals' losses have the bits of Node: ${losses}`, losses.join() === here.losses.join());
  await visit.choose("Task", "digits");
  await visit.press("Run");
  await visit.until("other losses", async () => {
    const now = await values(visit, network);
    return now.length === 4 && now.every((loss, i) => loss !== losses[i]);
  });
  await visit.says(`${network} [role=status]`, "All have run.");
  const arrived = await page.$$eval(`${network} tbody td:nth-child(3)`, (all) =>
    all.map((each) => Number(each.textContent)),
  );
  check(`digits are learned: ${arrived} steps`, arrived.length === 4 && arrived.every((steps) => steps > 0));

  await visit.accessible("run");
  await visit.screenshot("run");
  await visit.choose("Theme", "dark");
  await visit.accessible("dark");
  await visit.screenshot("dark");
  await visit.choose("Language", "zh");
  await visit.says("h1", "竞速");
  await page.setViewport({ width: 360, height: 740 });
  await visit.fits("360 pixels");
  await visit.accessible("360 pixels, Chinese");
  await visit.screenshot("phone-chinese");
}
