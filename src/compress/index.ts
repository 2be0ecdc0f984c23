// The entry point downhill/compress: models made smaller and faster, and trained while they are.
export { type Instead, type OwnParameters, reparametrize } from "../nn/reparametrize.ts";
