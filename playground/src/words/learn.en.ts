// What the page Learn says, in English. What is said of the optimizers comes from the sources.
import { en as race } from "./race.en.ts";

export const en = {
  title: "Learn",
  intro:
    "Every optimizer of the library: what it does in a step, what its knobs do, where it comes from, and how it walks. Turn a knob and the path is drawn anew.",
  list: "Optimizers",
  choose: "Optimizer",
  formula: "One step",
  formulaHint: "g is the gradient, θ what is trained, t the step; operations are element by element.",
  facts: "Facts",
  paper: "Paper",
  conventions: "Conventions",
  code: "Source",
  codeAt: (file: string, line: number) => `src/optim/${file}, line ${line}`,
  example: "In a program",
  picture: "How it walks",
  knobs: "Knobs",
  asFirst: "As at first",
  asLibrary: "As the library has them",
  surface: race.surface,
  surfaces: race.surfaces,
  steps: race.steps,
  startLabel: race.startLabel,
  startHint: race.startHint,
  automatic: race.automatic,
  defaultIs: (value: string) => `Default: ${value}.`,
  needs: {
    plane: "It works on matrices, so it walks on the loss of a linear regression: a matrix of two weights.",
    line: "It parts matrices from all else, so it walks on the loss of a line: its slope is a matrix that Muon has, its offset a number that AdamW has.",
    logistic: "It asks the model for labels, so it walks on the loss of a classification by two weights.",
  } as Record<string, string>,
  description: (name: string, surface: string, summary: string) =>
    `Contours of ${surface}, with the path of ${name}. ${summary}`,
  summary: (steps: number, x: string, y: string, value: string) =>
    `After ${steps} steps it is at ${x}, ${y} with value ${value}.`,
  arrived: (step: number) => `It came within reach of the minimum at step ${step}.`,
  diverged: (step: number) => `It left the numbers at step ${step}.`,
  failed: "It cannot walk so:",
  /** Of the sources, where a language has its own words. */
  sources: {} as Readonly<Record<string, string>>,
};

export type Words = typeof en;
