// What a network is trained on, wherever it came from: examples to train on, examples kept apart, and what they are.
import type { Dataset } from "downhill/data";

export interface TrainingData {
  readonly train: Dataset;
  /** Kept apart to measure on; undefined where there are too few examples. */
  readonly validation: Dataset | undefined;
  /** "classes": labels to tell apart; "numbers": targets to come near to. */
  readonly task: "classes" | "numbers";
  /** Of a classification the classes, else the columns of the targets. */
  readonly names: readonly string[];
  /** Of two-dimensional inputs their two names, for a picture of the plane. */
  readonly axes?: readonly [string, string];
  /** Inputs are images [28, 28, 1] of digits. */
  readonly digits?: boolean;
}
