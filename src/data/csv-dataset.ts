// A CSV file as a dataset in one call, for those who need neither the table nor the encoder.
import { checkOptions } from "../core/options.ts";
import type { FileSource } from "./chunks.ts";
import { type CsvOptions, csvRows } from "./csv.ts";
import type { Dataset } from "./dataset.ts";
import { type EncoderOptions, fitEncoder } from "./encoder-fit.ts";
import { readTable } from "./rows.ts";

/**
 * A CSV file as a dataset in memory. What scaling and categories need is learned from all of its rows, the later test rows
 * among them: where that matters, `readTable`, `split` and `fitEncoder` keep them apart.
 * Throws what `csvRows` and `fitEncoder` throw.
 * @example
 * const data = await csvDataset("wages.csv", { inputs: ["age", "education", "sector"], target: "wage" });
 * const union = await csvDataset("wages.csv", { label: "union", types: { south: "category" }, missing: "drop" });
 */
export async function csvDataset(
  source: FileSource,
  options: EncoderOptions & Pick<CsvOptions, "delimiter" | "columns" | "types" | "encoding">,
): Promise<Dataset> {
  const { delimiter, columns, types, encoding, ...rest } = checkOptions("csvDataset", options, {
    ...{ delimiter: 0, columns: 0, types: 0, encoding: 0 },
    ...{ inputs: 0, target: 0, label: 0, scaling: 0, missing: 0, unknown: 0 },
  });
  const csv = {
    ...(delimiter !== undefined && { delimiter }),
    ...(columns && { columns }),
    ...(types && { types }),
    ...(encoding !== undefined && { encoding }),
  };
  const table = await readTable(csvRows(source, csv));
  return (await fitEncoder(table, rest)).dataset(table);
}
