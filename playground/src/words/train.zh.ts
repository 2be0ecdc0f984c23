// What the page Train says, in Chinese.
import type { Words } from "./train.en.ts";

export const zh: Words = {
  title: "训练",
};
