// The entry point downhill/tables: columns of CSV and Parquet files as data.
export type { FileSource } from "./data/chunks.ts";
export type { ColumnEncoding, FittedColumn, NumberEncoding } from "./data/columns.ts";
export { type CsvOptions, csvRows } from "./data/csv.ts";
export { csvDataset } from "./data/csv-dataset.ts";
export { type EncoderRecord, encoderFrom, TableEncoder } from "./data/encoder.ts";
export { type EncoderOptions, fitEncoder } from "./data/encoder-fit.ts";
export { type ParquetOptions, type ParquetSource, parquetRows } from "./data/parquet.ts";
export { type Cell, type Header, type Row, readTable, Table } from "./data/rows.ts";
