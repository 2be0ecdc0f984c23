// What the shell says, in Chinese.
import type { Words } from "./en.ts";

export const zh: Words = {
  pages: "页面",
  train: "训练",
  race: "竞速",
  bench: "基准",
  learn: "学习",
  language: "语言",
  theme: "主题",
  system: "跟随系统",
  light: "浅色",
  dark: "深色",
  skip: "跳到正文",
  loading: "加载中…",
  footer: "一切都在本页面中运行，不向任何地方发送数据。",
};
