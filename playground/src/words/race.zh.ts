// What the page Race says, in Chinese.
import type { Words } from "./race.en.ts";

export const zh: Words = {
  title: "竞速",
};
