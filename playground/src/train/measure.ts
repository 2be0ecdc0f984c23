// What a model's outputs are worth: loss, accuracy, who was taken for whom.

export interface Measured {
  readonly loss: number;
  /** Of a classification. */
  readonly accuracy?: number;
  /** How often a class (row) was taken for one (column), row after row. */
  readonly confusion?: Int32Array;
}

/** Softmax of some numbers of an array, in place of them. */
export function softmaxAt(scores: Float32Array, at: number, classes: number): void {
  let most = -Infinity;
  for (let i = 0; i < classes; i++) most = Math.max(most, scores[at + i]!);
  let sum = 0;
  for (let i = 0; i < classes; i++) sum += scores[at + i] = Math.exp(scores[at + i]! - most);
  for (let i = 0; i < classes; i++) scores[at + i]! /= sum;
}

/** Where the largest of some numbers is. */
export function largestAt(scores: Float32Array, at: number, classes: number): number {
  let best = 0;
  for (let i = 1; i < classes; i++) if (scores[at + i]! > scores[at + best]!) best = i;
  return best;
}

/** Of a classification's outputs, [n, classes]: the mean cross entropy and what follows from the largest of each. */
export function measureClasses(outputs: Float32Array, labels: ArrayLike<number>, classes: number): Measured {
  const confusion = new Int32Array(classes * classes);
  const n = labels.length;
  let [loss, right] = [0, 0];
  for (let i = 0; i < n; i++) {
    const [at, label] = [i * classes, labels[i]!];
    const best = largestAt(outputs, at, classes);
    const most = outputs[at + best]!;
    let sum = 0;
    for (let k = 0; k < classes; k++) sum += Math.exp(outputs[at + k]! - most);
    loss += Math.log(sum) + most - outputs[at + label]!;
    confusion[label * classes + best]!++;
    if (best === label) right++;
  }
  return { loss: loss / n, accuracy: right / n, confusion };
}

/** Of numbers to come near to: the mean squared error. */
export function measureNumbers(outputs: Float32Array, targets: ArrayLike<number>): Measured {
  let sum = 0;
  for (let i = 0; i < outputs.length; i++) sum += (outputs[i]! - targets[i]!) ** 2;
  return { loss: sum / outputs.length };
}

export interface Histogram {
  readonly low: number;
  readonly high: number;
  readonly counts: readonly number[];
  readonly mean: number;
  readonly deviation: number;
}

/** Counts of numbers in bins of one width; zero is the edge of a bin or the middle of one. */
export function histogram(values: Float32Array, bins = 31): Histogram {
  let [most, sum, squares] = [0, 0, 0];
  for (const value of values) {
    most = Math.max(most, Math.abs(value));
    sum += value;
    squares += value * value;
  }
  const mean = sum / values.length;
  const deviation = Math.sqrt(Math.max(0, squares / values.length - mean * mean));
  const high = most || 1e-6;
  const counts = new Array<number>(bins).fill(0);
  for (const value of values)
    counts[Math.max(0, Math.min(bins - 1, Math.floor(((value + high) / (2 * high)) * bins)))]!++;
  return { low: -high, high, counts, mean, deviation };
}
