// The entry point downhill/compress: models made smaller and faster, and trained while they are.
export { type Instead, type OwnParameters, Reparametrized, reparametrize } from "../nn/reparametrize.ts";
export type { ChannelGroup, ChannelSlice } from "./channels.ts";
export { type ChannelMeasure, channelGroups, type ShrinkOptions, shrink } from "./shrink.ts";
