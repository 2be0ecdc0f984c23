// What the page Bench says, in Chinese.
import type { Words } from "./bench.en.ts";

export const zh: Words = {
  title: "基准",
};
