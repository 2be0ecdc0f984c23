// Cuts a table into parts that are as wide as a terminal.

/** Rank and name, which begin each part of the table, and the other columns that are not tasks. */
const [KEYS, TOTALS] = [2, 2];

/**
 * The columns of a table in parts that are no wider than a terminal, each with the first ones.
 * @param {string[][]} rows
 * @param {number} width
 * @returns {number[][]}
 */
export function partsOf(rows, width) {
  const [head = []] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)) + 3);
  const room = widths.slice(0, KEYS).reduce((left, each) => left - each, width - 1);
  const keys = Array.from({ length: KEYS }, (_, key) => key);
  /** @type {number[][]} */
  const parts = [];
  let left = 0;
  for (const [column, own] of [...widths.entries()].slice(KEYS)) {
    if (parts.length === 0 || (column >= KEYS + TOTALS && own > left)) {
      parts.push([...keys]);
      left = room;
    }
    parts.at(-1)?.push(column);
    left -= own;
  }
  return parts;
}
