// What the page Learn says, in Chinese.
import type { Words } from "./learn.en.ts";

export const zh: Words = {
  title: "学习",
};
