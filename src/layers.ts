// The entry point downhill/layers: layers and ops for images and sequences, beside the dense ones that every model needs.
export {
  type BidirectionalOptions,
  type BidirectionalState,
  bidirectional,
  gru,
  type LstmOptions,
  lstm,
  type RecurrentContext,
  type RecurrentLayer,
  type RecurrentOptions,
  type RecurrentState,
  type SimpleRnnOptions,
  simpleRnn,
} from "./nn/recurrent.ts";
export { type Recurrence, type RecurrenceInputs, recurrence } from "./ops/recurrence.ts";
