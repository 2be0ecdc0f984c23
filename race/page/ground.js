// The heights of a surface as bands of one shade each, with lines where they meet, darker where it is lower.

/** Heights that are told apart. */
const BANDS = 16;

/** Numbers of a colour written #rrggbb. */
const channels = (/** @type {string} */ color) =>
  [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));

/**
 * @param {object} map
 * @param {number} map.size cells of a side
 * @param {ArrayLike<number>} map.heights of the cells, from 0 to 1, rows from the bottom up
 * @param {number} pixels of a side
 * @param {object} colors written #rrggbb
 * @param {string} colors.low of the lowest
 * @param {string} colors.high of the highest
 * @param {number} [colors.line] what a line's channels are multiplied by; default: 0.93
 */
export function groundImage({ size, heights }, pixels, { low, high, line = 0.93 }) {
  const image = new ImageData(pixels, pixels);
  const [from, to] = [channels(low), channels(high)];
  const height = (/** @type {number} */ column, /** @type {number} */ row) =>
    heights[row * size + column] ?? 0;
  const clamp = (/** @type {number} */ at) => Math.min(Math.max(at, 0), size - 1.001);
  /** Between four cells, and rows from the bottom up. */
  const between = (/** @type {number} */ i, /** @type {number} */ j) => {
    const [x, y] = [clamp(((i + 0.5) / pixels) * size - 0.5), clamp((1 - (j + 0.5) / pixels) * size - 0.5)];
    const [column, row] = [Math.floor(x), Math.floor(y)];
    const [right, up] = [x - column, y - row];
    const along = (/** @type {number} */ at) =>
      height(column, at) * (1 - right) + height(column + 1, at) * right;
    return along(row) * (1 - up) + along(row + 1) * up;
  };
  const bands = new Uint8Array(pixels * pixels);
  for (let i = 0; i < bands.length; i++)
    bands[i] = Math.min(BANDS - 1, Math.floor(BANDS * between(i % pixels, Math.floor(i / pixels))));
  for (let i = 0; i < bands.length; i++) {
    const band = bands[i] ?? 0;
    const last = i % pixels === pixels - 1;
    const edge = (!last && band !== bands[i + 1]) || band !== (bands[i + pixels] ?? band);
    const light = band / (BANDS - 1);
    for (let k = 0; k < 3; k++) {
      const [a = 0, b = 0] = [from[k], to[k]];
      image.data[4 * i + k] = (a + (b - a) * light) * (edge ? line : 1);
    }
    image.data[4 * i + 3] = 255;
  }
  return image;
}
