// Train, used from end to end.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { trainHere } from "./node.js";

const dense = { kind: "dense", units: 16, activation: "gelu" };
/** What the page has set when XOR is chosen, and what Node is given. */
const XOR = {
  source: "xor",
  toy: { examples: 500, noise: 0.3 },
  layers: [dense, dense],
  settings: {
    learningRate: 0.01,
    knobs: { beta1: 0.9, beta2: 0.999, weightDecay: 0 },
    batchSize: 32,
    epochs: 200,
    seed: 1,
  },
};

const percent = (text) => Number.parseFloat(text);
const count = (text) => Number(text.replace(/\D/g, ""));

/** Trains until it is finished; gives the accuracy of the validation in percent. */
async function finish(visit, button = "Train", seconds = 120) {
  await visit.press(button);
  await visit.says(".phase", "Finished", seconds);
  return percent((await visit.figures())["Accuracy (validation)"]);
}

/** Presses the button and waits for the file. */
async function download(visit) {
  // A second file of the name would get another, or take the place of the first.
  for (const file of readdirSync(visit.downloads)) rmSync(join(visit.downloads, file));
  await visit.press("Download weights");
  const name = await visit.until("the file of weights", () =>
    readdirSync(visit.downloads).find((file) => file.endsWith(".safetensors")),
  );
  const path = join(visit.downloads, name);
  await visit.until("all of it", () => existsSync(path) && readFileSync(path).length > 8);
  return readFileSync(path);
}

export async function visitTrain(visit) {
  const { page, check } = visit;
  await page.evaluate(() => {
    globalThis.broken = [];
    document.addEventListener("securitypolicyviolation", (event) =>
      globalThis.broken.push(`${event.violatedDirective} ${event.blockedURI}`),
    );
  });
  await visit.accessible("before training");

  // A toy set, with the numbers of Node.
  await visit.choose("Data set", "xor");
  const accuracy = await finish(visit);
  check(`XOR is learned: ${accuracy} %`, accuracy > 95);
  const here = await trainHere(XOR);
  check("Node comes to the numbers of the library's train", Buffer.compare(here.weights, here.trained) === 0);
  check("the weights have the bits of Node", Buffer.compare(await download(visit), here.weights) === 0);
  await visit.press("Numbers by epoch");
  const rows = await page.$$eval(".epochs tbody tr", (all) =>
    all.map((row) => [...row.cells].map(({ textContent }) => textContent)),
  );
  const same = rows.every(([epoch, loss]) => here.history[epoch - 1].loss.toPrecision(9) === loss);
  check(`${rows.length} epochs have the loss of Node`, rows.length === 20 && same);
  check("it runs on workers", count((await visit.figures()).Threads) > 1);
  await visit.accessible("trained");
  await visit.screenshot("xor");
  await visit.choose("Theme", "dark");
  await visit.accessible("trained, dark");
  await visit.screenshot("xor-dark");
  await visit.choose("Theme", "light");

  // Pause, step, reset; another learning rate while it runs.
  await visit.press("Reset");
  check("reset begins anew", count((await visit.figures()).Steps) === 0);
  await visit.press("Step");
  await visit.until("one step", async () => count((await visit.figures()).Steps) === 1);
  await visit.choose("Pace", "30");
  await visit.press("Continue");
  await visit.until("some epochs", async () => Number.parseInt((await visit.figures()).Epoch, 10) >= 3);
  await visit.fill("Learning rate", "0");
  await visit.until("the rate is taken while it trains", async () =>
    /Now 0$/.test((await visit.text(".rate + .quiet")).trim()),
  );
  const epochOf = async () => Number.parseInt((await visit.figures()).Epoch, 10);
  const from = await epochOf();
  await visit.until("epochs without learning", async () => (await epochOf()) >= from + 4);
  await visit.press("Pause");
  await visit.says(".phase", "Paused");
  await visit.until("the last look", async () => (await page.$$(".epochs tbody tr")).length > 4);
  const losses = await page.$$eval(".epochs tbody tr", (all) =>
    all.slice(-2).map((row) => row.cells[2].textContent),
  );
  check(`at rate 0 nothing changes: ${losses.join(", ")}`, losses[0] !== "" && losses[0] === losses[1]);
  const paused = count((await visit.figures()).Steps);
  await visit.press("Step");
  await visit.until("one step more", async () => count((await visit.figures()).Steps) === paused + 1);
  await visit.choose("Pace", "0");

  // The network by the keyboard alone, and what the library says of one that does not fit.
  await (await visit.find("+ Dropout", "button")).press("Enter");
  await visit.until("a third layer", async () => (await page.$$(".layers > li")).length === 3);
  await (await visit.find("Move Layer 3, Dropout up", "button")).press("Enter");
  // The focus moves with the frame, and would take the next key along.
  await visit.drawn();
  await visit.until("the focus stays with the layer", () =>
    page.evaluate(() => document.activeElement?.getAttribute("aria-label") === "Move Layer 2, Dropout up"),
  );
  await (await visit.find("Remove Layer 2, Dropout", "button")).press("Enter");
  await visit.until("two layers", async () => (await page.$$(".layers > li")).length === 2);
  await visit.choose("Method", "sgd");
  await visit.choose("Schedule", "oneCycle");
  await visit.fill("momentum", "0.9");
  await visit.choose("Data set", "moons");
  const moons = await finish(visit);
  check(`moons are learned by SGD in one cycle: ${moons} %`, moons > 95);

  await digits(visit);
  await ownTable(visit);
  await drawnDigits(visit);

  await visit.choose("Language", "zh");
  await visit.says("h1", "训练神经网络");
  await visit.accessible("Chinese");
  await visit.choose("数据集", "spirals");
  await visit.press("单步");
  await visit.until("一步", async () => (await page.$$(".histograms li")).length === 3);
  await visit.screenshot("chinese");
  await page.setViewport({ width: 360, height: 740 });
  await visit.fits("360 pixels, trained");
  await visit.screenshot("phone");
  await visit.choose("语言", "en");
  check(
    `the policy was kept: ${await page.evaluate(() => globalThis.broken.join(", "))}`,
    await page.evaluate(() => globalThis.broken.length === 0),
  );
}

const SEVEN = [
  [
    [0.25, 0.2],
    [0.75, 0.2],
    [0.45, 0.85],
  ],
];
const ONE = [
  [
    [0.5, 0.15],
    [0.5, 0.85],
  ],
];

async function digits(visit) {
  const { page, check } = visit;
  await visit.choose("Data set", "mnist");
  await visit.says(".panel .quiet", "1600 to train on, 400 to validate", 20);
  check(
    "the shapes are shown",
    (await page.$$eval(".layers output", (all) => all.map(({ textContent }) => textContent).join(" "))) ===
      "26×26×8 13×13×8 11×11×16 5×5×16 32",
  );
  // A kernel larger than the image that it sees.
  const kernel = (await page.$$(".layers li:nth-child(3) input"))[1];
  await kernel.evaluate((element) => element.select());
  await page.keyboard.type("15");
  await visit.says(".layers .failure", /^ShapeError convolution2d: the kernel is larger/);
  check(
    "an impossible network cannot be trained",
    await (await visit.find("Train", "button")).evaluate(({ disabled }) => disabled),
  );
  await visit.accessible("an error");
  await kernel.evaluate((element) => element.select());
  await page.keyboard.type("3");
  await visit.until("the network fits again", async () => (await page.$$(".failure")).length === 0);

  await visit.fill("Epochs", "4");
  const accuracy = await finish(visit, "Train", 300);
  check(`digits are learned: ${accuracy} %`, accuracy > 85);
  check("every digit has its row", (await page.$$(".confusion tbody tr")).length === 10);

  const pad = await page.$(".results .pad");
  await visit.draw(pad, SEVEN);
  await visit.says(".verdict", /^Seen as \d, probability [\d.]+ %$/);
  const seven = await visit.text(".verdict");
  await visit.accessible("a drawn digit");
  await page.evaluate(() => scrollTo(0, 0));
  await visit.screenshot("digits");
  await visit.press("Clear");
  await visit.draw(pad, ONE);
  await visit.until("another drawing", async () => (await visit.text(".verdict")) !== seven);
  const one = await visit.text(".verdict");
  check(`a drawn 1 and 7 are seen as such: ${one}; ${seven}`, /as 1/.test(one) && /as 7/.test(seven));
  await visit.press("Clear");
  // By the keyboard alone.
  await pad.focus();
  await page.keyboard.press(" ");
  for (let i = 0; i < 8; i++) await page.keyboard.press("ArrowDown");
  await page.keyboard.press(" ");
  await visit.says(".verdict", /^Seen as/);
  const bytes = await download(visit);
  check("the weights of the convolutions are in the file", bytes.includes("conv2d_1.weight"));
}

/** A table of two clusters, and a number that follows from the other columns. */
const TABLE = [
  "length,width,colour,kind,size",
  ...Array.from({ length: 120 }, (_, i) => {
    const tall = i % 2;
    const [length, width] = [1 + 2 * tall + (i % 7) / 10, 2 - tall + (i % 5) / 10];
    return `${length.toFixed(1)},${width.toFixed(1)},${["red", "blue"][i % 2]},${["small", "tall"][tall]},${(length * width).toFixed(2)}`;
  }),
].join("\n");

async function ownTable(visit) {
  const { check } = visit;
  const path = join(mkdtempSync(join(tmpdir(), "table-")), "table.csv");
  writeFileSync(path, TABLE);
  await visit.choose("Data set", "csv");
  await (await visit.find("CSV file", "input")).uploadFile(path);
  await visit.says(".panel p", "table.csv: 120 rows, 5 columns.");
  check(
    "a column of many numbers is predicted as a number",
    (await (await visit.find("Predict it as", "select")).evaluate(({ value }) => value)) === "numbers",
  );
  await visit.fill("Epochs", "60");
  await visit.press("Train");
  await visit.says(".phase", "Finished");
  const loss = percent((await visit.figures())["Loss (validation)"]);
  check(`the number is learned: mean squared error ${loss}`, loss < 0.2);
  await visit.accessible("own table");
  await visit.screenshot("table");
  // Steps that are too long end in numbers that are none.
  await visit.choose("Method", "sgd");
  await visit.fill("Learning rate", "100");
  await visit.press("Train");
  await visit.says(".controls .failure", /^NonFiniteError train: the loss of step \d+ is/);
  await visit.says(".phase", "Stopped by an error");
  await visit.press("Reset");
  await visit.until("the error is gone", async () => (await visit.page.$$(".failure")).length === 0);
  await visit.choose("Method", "adam");
  await visit.choose("Column to predict", "kind");
  const accuracy = await finish(visit);
  check(`the class is learned: ${accuracy} %`, accuracy > 95);
  await visit.fill("or paste it here", "a,b\n1,2\n3\n");
  await visit.press("Read the text");
  await visit.says(".failure", /FormatError.*line 3/);
}

async function drawnDigits(visit) {
  const { page, check } = visit;
  await visit.choose("Data set", "drawn");
  await visit.until("the pad", async () => (await page.$$(".choices .pad")).length === 1);
  for (let i = 0; i < 3; i++)
    for (const [digit, lines] of [
      ["1", ONE],
      ["7", SEVEN],
    ]) {
      await visit.draw(await page.$(".choices .pad"), lines);
      await visit.choose("It is a", digit);
      await visit.press("Add");
    }
  await visit.says(".choices p", "6 drawn (1 × 3, 7 × 3)");
  await visit.accessible("drawing");
  await visit.fill("Epochs", "30");
  await visit.press("Train");
  await visit.says(".phase", "Finished");
  const accuracy = percent((await visit.figures())["Accuracy (training)"]);
  check(`drawn digits are learned: ${accuracy} %`, accuracy > 95);
}

/** Without shared memory: the same numbers on the page's own thread. */
export async function trainWithoutIsolation(visit) {
  const { check } = visit;
  await visit.choose("Data set", "xor");
  const accuracy = await finish(visit);
  check(`XOR is learned: ${accuracy} %`, accuracy > 95);
  check("on one thread", count((await visit.figures()).Threads) === 1);
  const { weights } = await trainHere(XOR);
  check("the weights have the bits of Node", Buffer.compare(await download(visit), weights) === 0);
}
