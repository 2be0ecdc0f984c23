// The entry point downhill/layers: layers and ops for images and sequences, beside the dense ones that every model needs.
export {
  type BatchNormOptions,
  batchNorm,
  groupNorm,
  instanceNorm,
  type LayerNormOptions,
  layerNorm,
  type NormalizationOptions,
  rmsNorm,
} from "./nn/normalization.ts";
export { branches, checkpoint, type ResidualOptions, residual } from "./nn/structure.ts";
export { type RefreshOptions, refreshStatistics } from "./train/refresh.ts";
