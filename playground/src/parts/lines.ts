// How the lines of several optimizers are told apart: by colour, by dash, and by the number at their head.

const DASHES: readonly (readonly number[])[] = [[], [7, 4], [2, 3], [9, 3, 2, 3], [14, 4], [4, 2]];

/** At most so many are told apart well. */
export const MOST_LINES = 6;

export interface LineStyle {
  readonly colour: `--series-${number}`;
  readonly dash: readonly number[];
}

export const lineStyle = (place: number): LineStyle => ({
  colour: `--series-${(place % MOST_LINES) + 1}`,
  dash: DASHES[place % DASHES.length]!,
});
