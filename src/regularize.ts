// The entry point downhill/regularize: what keeps a model from learning its examples by heart, beside dropout and decay.
export { type MixupOptions, mixup } from "./data/mixup.ts";
export { type ActivityPenaltyOptions, activityPenalty } from "./nn/activity-penalty.ts";
export { labelSmoothing } from "./ops/loss.ts";
