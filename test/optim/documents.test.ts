// The tables of docs/optimizers.md: every example is what it says, and nothing is left out.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { createEngineSync, createTrainerSync, softmaxCrossEntropy } from "#src/index";
import * as optim from "#src/optim/index";
import { classes, classifier } from "../train/setting.ts";

const engine = createEngineSync({ numerics: "exact" });
const text = readFileSync(new URL("../../docs/optimizers.md", import.meta.url), "utf8");
const [, tables] = text.split("## All of them") as [string, string];
const examples = [...tables.matchAll(/^\| `([^`]+)` \|/gm)].map(([, code]) => code!);
const names = Object.keys(optim);
const evaluate = (code: string) => new Function(...names, `return ${code}`)(...Object.values(optim));

test("every function of downhill/optim stands in a table", () => {
  const shown = names.filter((name) => examples.some((code) => new RegExp(`\\b${name}\\(`).test(code)));
  expect(names.filter((name) => !shown.includes(name))).toEqual([]);
});

test.each(examples)("%s", (code) => {
  const value = evaluate(code);
  if (typeof value === "function") {
    for (const step of [1, 2, 10, 100]) expect(value(step)).toBeGreaterThanOrEqual(0);
    return;
  }
  const trainer = createTrainerSync(classifier(), { loss: softmaxCrossEntropy, optimizer: value, engine });
  for (const batch of classes(32).batch(8)) expect(trainer.stepSync(batch).loss).toBeGreaterThan(0);
  trainer.close();
});
