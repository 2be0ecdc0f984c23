// A line search for the strong Wolfe conditions by cubic interpolation, number for number that of PyTorch 1.13
// (torch.optim.lbfgs), which comes from minFunc. Nocedal & Wright, algorithms 3.5 and 3.6.
import { type EvaluatedPoint, evaluate, type Search } from "./method.ts";
import { along, dot, maxNorm } from "./vector.ts";

/** c₁: share of the slope by which the value must fall. */
const DECREASE = 1e-4;
/** c₂: share of the slope that may be left. */
const CURVATURE = 0.9;
/** Trials after which the best so far is taken. */
const TRIALS = 25;

/** A point on the line, t directions from its origin. */
export interface LinePoint extends EvaluatedPoint {
  readonly t: number;
  /** Derivative along the line. */
  readonly slope: number;
}

/**
 * Searches along a direction that goes down. Gives the origin, t = 0, where no trial was lower. A trial whose value is
 * not finite is moved half way back to the last that was, as often as is needed; PyTorch goes on with NaN there.
 */
export function* strongWolfe(
  from: EvaluatedPoint,
  direction: Float64Array,
  firstStep: number,
  tolerance: number,
): Search<LinePoint> {
  const origin: LinePoint = { ...from, t: 0, slope: dot(from.gradient, direction) };
  const tooHigh = ({ t, value }: LinePoint) => value > origin.value + DECREASE * t * origin.slope;
  const flat = ({ slope }: LinePoint) => Math.abs(slope) <= -CURVATURE * origin.slope;

  function* trial(t: number, { t: finite }: LinePoint): Search<LinePoint | undefined> {
    for (let length = t - finite, tries = 0; tries <= TRIALS; length /= 2, tries++) {
      const at = tries === 0 ? t : finite + length;
      const found = yield* evaluate(along(origin.point, at, direction));
      if (found.value < Infinity) return { ...found, t: at, slope: dot(found.gradient, direction) };
    }
    return undefined;
  }

  // Bracket.
  let previous = origin;
  let last = yield* trial(firstStep, origin);
  if (!last) return origin;
  let bracket: [LinePoint, LinePoint] | undefined;
  let trials = 0;
  for (; trials < TRIALS; trials++) {
    if (tooHigh(last) || (trials > 1 && last.value >= previous.value)) {
      bracket = [previous, last];
      break;
    }
    if (flat(last)) return last;
    if (last.slope >= 0) {
      bracket = [previous, last];
      break;
    }
    const next: LinePoint | undefined = yield* trial(
      cubicMinimum(previous, last, last.t + 0.01 * (last.t - previous.t), last.t * 10),
      last,
    );
    if (!next) return last;
    [previous, last] = [last, next];
  }
  bracket ??= [origin, last];

  // Zoom.
  const length = maxNorm(direction);
  let low: 0 | 1 = bracket[0].value <= bracket[1].value ? 0 : 1;
  for (let nearBefore = false; trials < TRIALS; trials++) {
    const [left, right] = bracket;
    const least = Math.min(left.t, right.t);
    const most = Math.max(left.t, right.t);
    if ((most - least) * length < tolerance) break;
    let t = cubicMinimum(left, right, least, most);
    // Twice too near an end, or on it: a tenth of the bracket away from it.
    const margin = 0.1 * (most - least);
    const near = Math.min(most - t, t - least) < margin;
    const pushed: boolean = near && (nearBefore || t >= most || t <= least);
    if (pushed) t = Math.abs(t - most) < Math.abs(t - least) ? most - margin : least + margin;
    nearBefore = near && !pushed;

    const next = yield* trial(t, bracket[low]);
    if (!next) break;
    const high: 0 | 1 = low === 0 ? 1 : 0;
    if (tooHigh(next) || next.value >= bracket[low].value) {
      bracket[high] = next;
      low = bracket[0].value <= bracket[1].value ? 0 : 1;
    } else {
      if (flat(next)) return next;
      if (next.slope * (bracket[high].t - bracket[low].t) >= 0) bracket[high] = bracket[low];
      bracket[low] = next;
    }
  }
  return bracket[low];
}

/** Where the cubic through two values and slopes is lowest, within bounds; their middle where it has no minimum. */
function cubicMinimum(a: LinePoint, b: LinePoint, least: number, most: number): number {
  const d1 = a.slope + b.slope - (3 * (a.value - b.value)) / (a.t - b.t);
  const square = d1 * d1 - a.slope * b.slope;
  if (!(square >= 0)) return (least + most) / 2;
  const d2 = Math.sqrt(square);
  const [left, right] = a.t <= b.t ? [a, b] : [b, a];
  const t = right.t - (right.t - left.t) * ((right.slope + d2 - d1) / (right.slope - left.slope + 2 * d2));
  return Math.min(Math.max(t, least), most);
}
