// The entry point downhill/layers: layers and ops for images and sequences, beside the dense ones that every model needs.
export {
  type AttentionInputs,
  type AttentionLayer,
  type MultiHeadAttentionOptions,
  multiHeadAttention,
} from "./nn/attention.ts";
export {
  type EmbeddingLayer,
  type EmbeddingOptions,
  embedding,
  type LearnedPositionsOptions,
  learnedPositions,
  sinusoidalPositions,
} from "./nn/embedding.ts";
export {
  type DecoderInputs,
  type TransformerBlockOptions,
  type TransformerEncoderOptions,
  transformerDecoderBlock,
  transformerEncoderBlock,
} from "./nn/transformer.ts";
export { type AttentionOptions, attention } from "./ops/attention.ts";
export { type BatchMatmulOptions, batchMatmul } from "./ops/batch-matmul.ts";
export { einsum } from "./ops/einsum.ts";
export { type RotaryOptions, rotary } from "./ops/rotary.ts";
