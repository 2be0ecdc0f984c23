// What the knobs of an optimizer are set to, as data that a page, an address and a worker can hold.

/** One of a record inside the options has a dot in its name: `muon.learningRate`. */
export type OptionValue = number | boolean | string | readonly number[];
export type Options = Readonly<Record<string, OptionValue>>;
