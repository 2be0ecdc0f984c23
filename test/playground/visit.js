// One page of the playground in a browser, and what a visitor does there: finds things by what they are called.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const axe = () => readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Waits for something to be true; says what it waited for when it is not. */
async function until(what, test, seconds = 60) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const value = await test();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${seconds} s for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export class Visit {
  constructor(page, { check, name, screenshots, downloads }) {
    this.page = page;
    this.check = (what, good) => check(`${name}: ${what}`, good);
    this.name = name;
    this.screenshots = screenshots;
    this.downloads = downloads;
    /** Whatever went wrong without anybody asking. */
    this.trouble = [];
    page.on("console", (message) => {
      if (["error", "warn", "assert"].includes(message.type())) this.trouble.push(message.text());
    });
    page.on("pageerror", (error) => this.trouble.push(error.message));
  }

  /** The element that a control's label, or the text of a button or link, is of. */
  async find(label, selector = "button, a, input, select, textarea, [role=application]") {
    const handle = await this.page.evaluateHandle(
      (wanted, among) => {
        const called = (element) =>
          element.getAttribute("aria-label") ??
          (element.labels?.length
            ? [...element.labels[0].childNodes]
                .filter((node) => node !== element && !node.contains?.(element))
                .map((node) => node.textContent)
                .join("")
            : element.textContent);
        return [...document.querySelectorAll(among)].find((element) => called(element).trim() === wanted);
      },
      label,
      selector,
    );
    const element = handle.asElement();
    if (!element) throw new Error(`${this.name}: nothing is called ${JSON.stringify(label)}`);
    return element;
  }

  async press(label, selector = "button, summary") {
    const button = await this.find(label, selector);
    await button.evaluate((element) => element.scrollIntoView({ block: "center" }));
    await button.click();
  }

  async choose(label, value) {
    const select = await this.find(label, "select");
    await select.select(value);
  }

  /** Types a value into a field, in place of what is there. */
  async fill(label, value) {
    const field = await this.find(label, "input, textarea");
    await field.evaluate((element) => {
      element.scrollIntoView({ block: "center" });
      element.focus();
      element.select();
    });
    await this.page.keyboard.type(String(value));
  }

  text(selector) {
    return this.page.$eval(selector, (element) => element.textContent);
  }

  /** The numbers in the bar of Train, by their names. */
  figures() {
    return this.page.$$eval(".controls dl > div", (all) =>
      Object.fromEntries(
        all.map((each) => [each.querySelector("dt").textContent, each.querySelector("dd").textContent]),
      ),
    );
  }

  until(what, test, seconds) {
    return until(`${this.name}: ${what}`, test, seconds);
  }

  /** Waits until the page has drawn: what it does behind that, such as taking the focus along, is done by then. */
  async drawn() {
    await this.page.evaluate(
      () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))),
    );
  }

  /** Waits for a text in an element. */
  async says(selector, wanted, seconds) {
    await this.until(
      `${selector} says ${wanted}`,
      async () => {
        const said = await this.page
          .$$eval(selector, (all) => all.map((each) => each.textContent))
          .catch(() => []);
        return said.some((text) => (wanted instanceof RegExp ? wanted.test(text) : text.includes(wanted)));
      },
      seconds,
    );
  }

  /** Has axe look at the page as it is. */
  async accessible(when) {
    await this.page.evaluate(axe());
    const found = await this.page.evaluate(async () => {
      const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
      return violations.map(
        ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`,
      );
    });
    this.check(`axe, ${when}${found.length ? `: ${found.join("; ")}` : ""}`, found.length === 0);
  }

  /** Nothing may stand out to the side. */
  async fits(when) {
    const { wide, width } = await this.page.evaluate(() => ({
      wide: document.documentElement.scrollWidth,
      width: innerWidth,
    }));
    this.check(`nothing wider than the window, ${when}: ${wide} of ${width}`, wide <= width);
  }

  async screenshot(of) {
    await this.page.evaluate(() => scrollTo(0, 0));
    await this.page.screenshot({ path: `${this.screenshots}/${this.name}-${of}.png`, fullPage: true });
  }

  /** Draws lines on a pad, points between 0 and 1. */
  async draw(pad, lines) {
    await pad.evaluate((element) => element.scrollIntoView({ block: "center" }));
    const { x, y, width, height } = await pad.boundingBox();
    const { mouse } = this.page;
    for (const [[x0, y0], ...rest] of lines) {
      await mouse.move(x + x0 * width, y + y0 * height);
      await mouse.down();
      for (const [x1, y1] of rest) await mouse.move(x + x1 * width, y + y1 * height, { steps: 5 });
      await mouse.up();
    }
  }
}
