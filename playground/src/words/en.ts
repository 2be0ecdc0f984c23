// What the shell says, in English. A page's own words are in <page>.en.ts.

export const en = {
  pages: "Pages",
  train: "Train",
  race: "Race",
  bench: "Bench",
  learn: "Learn",
  language: "Language",
  theme: "Theme",
  system: "System theme",
  light: "Light",
  dark: "Dark",
  skip: "Skip to content",
  loading: "Loading…",
  footer: "Everything runs in this page; nothing is sent anywhere.",
};

export type Words = typeof en;
