// What the playground tells of the optimizers: all of it there, in both languages, and true.
import { describe, expect, test } from "vitest";
import * as optim from "#src/optim/index";
import { type OptimizerFacts, optimizerFacts } from "../playground/facts.ts";
import { FORMULAS } from "../playground/src/pages/learn/formulas.ts";
import { PAPERS } from "../playground/src/pages/learn/papers.ts";
import { type Knob, knobsOf, MARKS, markAtValue, valueAtMark } from "../playground/src/parts/knobs.ts";
import { sources } from "../playground/src/words/optimizers.zh.ts";

const all = optimizerFacts();
type Make = (options?: object) => { hyper(step: number): readonly number[] };
const make = (name: string) => (optim as unknown as Record<string, Make>)[name]!;

/** Every sentence that the page shows of an optimizer. */
const sentences = ({ about, more, conventions, options }: OptimizerFacts) =>
  [
    about,
    more,
    conventions,
    ...options.flatMap((option) => [
      option.about,
      ...option.choices.map((choice) => choice.about),
      ...(option.default === undefined ? [option.defaultText] : []),
    ]),
  ].filter((text) => text !== "" && text !== "–");

test("every optimizer of the library is there, once", () => {
  const names = all.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThan(35);
  const makers = Object.entries(optim).filter(([, value]) => typeof value === "function");
  // The others are wrappers, clips, constraints, schedules: what stands around an optimizer.
  expect(names.every((name) => makers.some(([known]) => known === name))).toBe(true);
});

describe.each(all.map((facts) => [facts.name, facts] as const))("%s", (name, facts) => {
  test("has a formula, a paper and its place in the sources", () => {
    expect(FORMULAS[name]?.length).toBeGreaterThan(0);
    expect(PAPERS[name]).toMatch(/^https:\/\//);
    expect(facts.source).toMatch(/\d{4}/);
    expect(facts.line).toBeGreaterThan(1);
  });
  test("every sentence is there in Chinese", () => {
    expect(sentences(facts).filter((text) => !sources[text])).toEqual([]);
  });
  test("the defaults that are shown are those that hold", () => {
    const known = facts.options.filter((option) => option.default !== undefined);
    const given = make(name)(Object.fromEntries(known.map((option) => [option.name, option.default])));
    for (const step of [1, 2, 7]) expect(given.hyper(step)).toEqual(make(name)().hyper(step));
    // But for the records of other optimizers' options.
    const silent = facts.options.filter((option) => (option.default ?? option.defaultText) === "");
    expect(silent.map((option) => option.name)).toEqual(name === "muonWithAdamW" ? ["muon", "adamW"] : []);
  });
  test("every number, switch and choice is a knob", () => {
    const turned = new Set(knobsOf(facts, all).map((knob) => knob.name.split(".")[0]));
    expect(facts.options.map((option) => option.name).filter((option) => !turned.has(option))).toEqual(
      name === "muonWithAdamW" ? ["exclude"] : [],
    );
  });
});

test("no sentence in Chinese is of a sentence that is gone", () => {
  const said = new Set(all.flatMap(sentences));
  expect(Object.keys(sources).filter((text) => !said.has(text))).toEqual([]);
});

describe("a slider", () => {
  const sliders = all.flatMap((facts) =>
    knobsOf(facts, all).flatMap(({ control, ...knob }: Knob) =>
      control.kind === "slider" ? [{ of: `${facts.name}.${knob.name}`, control, start: knob.default }] : [],
    ),
  );
  test("rises from one end of its range to the other", () => {
    const wrong = sliders.filter(({ control }) => {
      const values = Array.from({ length: MARKS + 1 }, (_, mark) => valueAtMark(control, mark));
      const ends = values[0] === (control.zero ? 0 : control.low) && values[MARKS] === control.high;
      return !ends || values.some((value, i) => i > 0 && value < values[i - 1]!);
    });
    expect(wrong.map(({ of }) => of)).toEqual([]);
  });
  test("stands where the default is", () => {
    const wrong = sliders.filter(({ control, start }) => {
      if (typeof start !== "number") return false;
      const at = valueAtMark(control, markAtValue(control, start));
      // A mark and the next one are no farther apart than this.
      if (start === 0 || control.scale === "linear")
        return !(Math.abs(at - start) <= (control.high - control.low) / 100);
      const ratio = control.scale === "decay" ? (1 - at) / (1 - start) : at / start;
      return !(Math.abs(ratio - 1) < 0.15);
    });
    expect(wrong.map(({ of }) => of)).toEqual([]);
  });
});
