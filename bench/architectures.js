// The models of the suite `steps` beside the MLP, told to every system as names, shapes and first values of their
// parameters. Layouts are downhill's: channels last, weights [..., in, out]; each system turns them into its own.

/**
 * @typedef {object} Parameter
 * @property {string} name
 * @property {number[]} shape
 * @property {number} limit values are drawn evenly from -limit to limit; 0: all are `value`
 * @property {number} [value]
 *
 * @typedef {object} Architecture
 * @property {string} title
 * @property {number} batch
 * @property {number[]} input shape of one example
 * @property {number} classes
 * @property {number} [vocabulary] the inputs are tokens, and every one has a label
 * @property {Parameter[]} parameters in the order in which downhill meets them
 */

/** Glorot uniform. @returns {Parameter} */
const weight = (/** @type {string} */ name, /** @type {number[]} */ shape) => {
  const [inputs, outputs] = shape.slice(-2);
  const taps = shape.slice(0, -2).reduce((product, n) => product * n, 1);
  return { name, shape, limit: Math.sqrt(6 / (taps * (inputs + outputs))) };
};
/** @returns {Parameter} */
const flat = (/** @type {string} */ name, /** @type {number} */ units, value = 0) => ({
  name,
  shape: [units],
  limit: 0,
  value,
});
const layer = (/** @type {string} */ name, /** @type {number[]} */ ...shape) => [
  weight(`${name}.weight`, shape),
  flat(`${name}.bias`, shape.at(-1) ?? 0),
];
/** A convolution without a bias, and the normalization behind it. */
const normalized = (/** @type {string} */ name, /** @type {number[]} */ ...shape) => [
  weight(`${name}.weight`, shape),
  flat(`${name}.scale`, shape.at(-1) ?? 0, 1),
  flat(`${name}.offset`, shape.at(-1) ?? 0),
];
const recurrent = (/** @type {number} */ gates, /** @type {Parameter[]} */ more = []) => [
  weight("recurrent.input", [28, gates * 128]),
  weight("recurrent.state", [128, gates * 128]),
  flat("recurrent.bias", gates * 128),
  ...more,
  ...layer("head", 128, 10),
];
const block = (/** @type {number} */ number) => [
  flat(`block${number}.norm1.scale`, 64, 1),
  flat(`block${number}.norm1.offset`, 64),
  // Queries, keys and values side by side.
  ...layer(`block${number}.projection`, 64, 192),
  ...layer(`block${number}.output`, 64, 64),
  flat(`block${number}.norm2.scale`, 64, 1),
  flat(`block${number}.norm2.offset`, 64),
  ...layer(`block${number}.inner`, 64, 256),
  ...layer(`block${number}.outer`, 256, 64),
];

/** @type {Record<string, Architecture>} */
export const architectures = {
  cnn: {
    title: "CNN conv16-pool-conv32-pool-64-10",
    batch: 64,
    input: [28, 28, 1],
    classes: 10,
    parameters: [
      ...layer("conv1", 3, 3, 1, 16),
      ...layer("conv2", 3, 3, 16, 32),
      ...layer("dense1", 1568, 64),
      ...layer("dense2", 64, 10),
    ],
  },
  residual: {
    title: "residual net 16-16-32 with batch norm",
    batch: 64,
    input: [28, 28, 1],
    classes: 10,
    parameters: [
      ...normalized("stem", 3, 3, 1, 16),
      ...normalized("block1.conv1", 3, 3, 16, 16),
      ...normalized("block1.conv2", 3, 3, 16, 16),
      ...normalized("block2.conv1", 3, 3, 16, 32),
      ...normalized("block2.conv2", 3, 3, 32, 32),
      ...normalized("block2.shortcut", 1, 1, 16, 32),
      ...layer("head", 32, 10),
    ],
  },
  lstm: {
    title: "LSTM 128 over 28 rows",
    batch: 64,
    input: [28, 28],
    classes: 10,
    parameters: recurrent(4),
  },
  gru: {
    title: "GRU 128 over 28 rows",
    batch: 64,
    input: [28, 28],
    classes: 10,
    parameters: recurrent(3, [flat("recurrent.stateBias", 384)]),
  },
  transformer: {
    title: "character transformer, 2 blocks, d 64, 4 heads, length 64",
    batch: 16,
    input: [64],
    classes: 80,
    vocabulary: 80,
    parameters: [
      { name: "tokens", shape: [80, 64], limit: 0.05 },
      { name: "positions", shape: [64, 64], limit: 0.05 },
      ...block(1),
      ...block(2),
      flat("norm.scale", 64, 1),
      flat("norm.offset", 64),
      ...layer("head", 64, 80),
    ],
  },
};
