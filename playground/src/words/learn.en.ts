// What the page Learn says, in English.

export const en = {
  title: "Learn",
};

export type Words = typeof en;
