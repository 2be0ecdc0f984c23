// Numbers as they are shown: few digits, and a real minus.
import { minus } from "../../../race/page/ticks.js";

/** Four digits, or as many as the value is worth. */
export function shown(value: number, digits = 4): string {
  if (Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e6)
    return minus(value.toExponential(digits > 3 ? 2 : digits - 1).replace("e+", "e"));
  return minus(Number(value.toPrecision(digits)));
}
