// The entry point downhill/instruments: what measures and records a training, beside what every training needs.
export { type CsvLogOptions, csvLog, type TensorBoardOptions, tensorBoard } from "./train/logs.ts";
export { learningRateRangeTest, type RangeTest, type RangeTestOptions } from "./train/range-test.ts";
