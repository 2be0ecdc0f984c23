// The entry point downhill/tables: columns of CSV and Parquet files as data.
export {};
