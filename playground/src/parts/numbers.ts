// Numbers as they are shown: few digits, and a real minus.
import { minus } from "../../../race/page/ticks.js";

/** Four digits, or as many as the value is worth. */
export function shown(value: number, digits = 4): string {
  if (Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const few = Number(value.toPrecision(size < 1e-3 || size >= 1e6 ? Math.min(digits, 3) : digits));
  if (size < 1e-3 || size >= 1e6) return few.toExponential().replace("e+", "e").replaceAll("-", "−");
  return minus(few);
}
