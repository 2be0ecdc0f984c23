// The entry point downhill/instruments: what measures, records and guards a training, beside what every training needs.
export { type CheckpointBestOptions, checkpointBest, rollBackOnNonFinite } from "./train/keeping.ts";
export { type CsvLogOptions, csvLog, type TensorBoardOptions, tensorBoard } from "./train/logs.ts";
export { onPlateau, type Plateau, type PlateauOptions } from "./train/plateau.ts";
export { learningRateRangeTest, type RangeTest, type RangeTestOptions } from "./train/range-test.ts";
