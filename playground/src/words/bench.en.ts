// What the page Bench says, in English.

export const en = {
  title: "Bench",
};

export type Words = typeof en;
