// What the page Race says, in English.

export const en = {
  title: "Race",
};

export type Words = typeof en;
