// What the page Train says, in English.

export const en = {
  title: "Train",
};

export type Words = typeof en;
