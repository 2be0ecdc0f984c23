// The numbers of TFLite's schema, version 3: operators, element types, activations; and from which runtime on each operator
// is understood. Source: schema.fbs, op_version.cc and runtime_version.cc of LiteRT.

/** How integers stand for the numbers of an operator's operands. */
type Integers =
  /** Weights and a bias that fits them; the result as it wants. */
  | "weights"
  /** Inputs and output share scale and zero point. */
  | "same"
  /** Each as it wants. */
  | "free"
  /** No kernel for integers. */
  | "none"
  /** The specification says the output's: [scale, zero point]. */
  | readonly [number, number];

/** An operator. Runtimes are 100 · major + minor; a version of 0 is not there. */
interface Row {
  readonly code: number;
  /** Number of its options in the union; 0: it has none. */
  readonly union: number;
  readonly float: readonly [version: number, runtime: number];
  readonly int8: readonly [version: number, runtime: number];
  readonly integers: Integers;
  /** The number of the option that names the fused activation. */
  readonly fused?: number;
}

const row = (
  [code, union]: readonly [number, number],
  [version, runtime]: readonly [number, number],
  [int8, int8Runtime]: readonly [number, number] = [0, 0],
  integers: Integers = "none",
  fused?: number,
): Row => ({
  code,
  union,
  float: [version, runtime],
  int8: [int8, int8Runtime],
  integers,
  ...(fused !== undefined && { fused }),
});

export const OPERATORS = {
  ADD: row([0, 11], [1, 105], [2, 114], "free", 0),
  AVERAGE_POOL_2D: row([1, 5], [1, 105], [2, 114], "same", 5),
  CONCATENATION: row([2, 10], [1, 105], [2, 114], "same"),
  CONV_2D: row([3, 1], [1, 105], [3, 114], "weights", 3),
  DEPTHWISE_CONV_2D: row([4, 2], [1, 105], [3, 114], "weights", 4),
  DEQUANTIZE: row([6, 38], [2, 114]),
  FLOOR: row([8, 0], [1, 109]),
  FULLY_CONNECTED: row([9, 8], [1, 105], [4, 114], "weights", 0),
  LOGISTIC: row([14, 0], [1, 114], [2, 114], [1 / 256, -128]),
  MAX_POOL_2D: row([17, 5], [1, 105], [2, 114], "same", 5),
  MUL: row([18, 21], [1, 105], [2, 114], "free", 0),
  RELU: row([19, 0], [1, 105], [2, 201], "free"),
  RELU_N1_TO_1: row([20, 0], [1, 105]),
  RELU6: row([21, 0], [1, 105], [2, 114], "free"),
  RESHAPE: row([22, 17], [1, 105], [1, 105], "same"),
  RESIZE_BILINEAR: row([23, 15], [3, 202], [3, 202], "same"),
  SOFTMAX: row([25, 9], [1, 105], [2, 114], [1 / 256, -128]),
  TANH: row([28, 0], [1, 114], [2, 114], [1 / 128, 0]),
  PAD: row([34, 22], [1, 105], [2, 114], "same"),
  GATHER: row([36, 23], [1, 106], [2, 114], "same"),
  TRANSPOSE: row([39, 26], [1, 106], [2, 114], "same"),
  MEAN: row([40, 27], [1, 106], [2, 114], "free"),
  SUB: row([41, 28], [1, 106], [2, 114], "free", 0),
  DIV: row([42, 29], [1, 106], undefined, undefined, 0),
  EXP: row([47, 33], [1, 107], [2, 212], "free"),
  LOG_SOFTMAX: row([50, 36], [1, 114], [2, 114], [16 / 256, 127]),
  CAST: row([53, 37], [1, 105]),
  MAXIMUM: row([55, 39], [1, 114], [2, 114], "same"),
  ARG_MAX: row([56, 40], [1, 109]),
  MINIMUM: row([57, 39], [1, 114], [2, 114], "same"),
  LESS: row([58, 41], [1, 114]),
  NEG: row([59, 42], [1, 109]),
  PADV2: row([60, 43], [1, 109], [2, 114], "same"),
  GREATER: row([61, 44], [1, 114]),
  GREATER_EQUAL: row([62, 45], [1, 114]),
  LESS_EQUAL: row([63, 46], [1, 114]),
  SLICE: row([65, 48], [1, 114], [2, 114], "same"),
  SIN: row([66, 0], [1, 109]),
  TRANSPOSE_CONV: row([67, 49], [3, 203], [3, 203], "weights"),
  EQUAL: row([71, 53], [1, 114]),
  NOT_EQUAL: row([72, 54], [1, 114]),
  LOG: row([73, 0], [1, 114], [2, 215], "free"),
  SUM: row([74, 27], [1, 110], [2, 115], "free"),
  SQRT: row([75, 0], [1, 110]),
  RSQRT: row([76, 0], [1, 110], [2, 205], "free"),
  POW: row([78, 56], [1, 110]),
  REDUCE_MAX: row([82, 27], [1, 111], [2, 114], "same"),
  ONE_HOT: row([85, 61], [1, 111]),
  SQUARE: row([92, 66], [1, 112]),
  RESIZE_NEAREST_NEIGHBOR: row([97, 74], [3, 203], [3, 203], "same"),
  LEAKY_RELU: row([98, 75], [1, 114], [1, 114], "free"),
  ABS: row([101, 78], [1, 113], [2, 204], "free"),
  CEIL: row([104, 0], [1, 114]),
  COS: row([108, 84], [1, 114]),
  ELU: row([111, 0], [1, 114], [1, 114], "free"),
  QUANTIZE: row([114, 89], [1, 114], [1, 114]),
  ROUND: row([116, 0], [1, 114]),
  HARD_SWISH: row([117, 91], [1, 115], [1, 115], "free"),
  SELECT_V2: row([123, 98], [1, 202]),
  BATCH_MATMUL: row([126, 101], [1, 203], [2, 203], "free"),
  BROADCAST_TO: row([130, 104], [2, 205], [3, 205], "same"),
  GELU: row([150, 116], [1, 209], [2, 209], "free"),
  SIGN: row([158, 123], [1, 211]),
} as const satisfies Record<string, Row>;

/** The name of an operator. */
export type OperatorName = keyof typeof OPERATORS;

/** As the schema says it of any operator. */
export const rowOf = (name: OperatorName): Row => OPERATORS[name];

/** Element types, as tensors name them. */
export const TYPES = { float32: 0, int32: 2, bool: 6, int8: 9 } as const;

/** The name of an element type. */
export type ElementType = keyof typeof TYPES;

/** Activations that an operator may end with. */
export const FUSED = { RELU: 1, RELU_N1_TO_1: 2, RELU6: 3 } as const;

/** The name of an activation that may be fused. */
export type FusedName = keyof typeof FUSED;

/** What lies around windows. */
export const PADDING = { SAME: 0, VALID: 1 } as const;
/** Its name. */
export type PaddingName = keyof typeof PADDING;
