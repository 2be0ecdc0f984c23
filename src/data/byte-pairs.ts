// Byte-pair encoding and its kin, by the npm package @huggingface/tokenizers, from the tokenizer.json of a published model.

import { DataError, FormatError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import type { TextEncoding } from "./vocabulary.ts";

/** Options of {@link bytePairs}. */
export interface BytePairOptions {
  /** The token that fills short texts up, by its name. Default: the one that the file names, else id 0. */
  readonly padding?: string;
  /** Adds what the file's post-processor puts around a text, such as its start and end. Default: false. */
  readonly special?: boolean;
}

/** The part of the package that is used. */
interface Library {
  readonly Tokenizer: new (
    tokenizer: object,
    config: object,
  ) => {
    encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] };
    decode(ids: number[], options: { skip_special_tokens: boolean }): string;
    token_to_id(token: string): number | undefined;
    get_vocab(withAddedTokens: boolean): Map<string, number>;
  };
}

async function library(): Promise<Library> {
  try {
    return (await import("@huggingface/tokenizers")) as Library;
  } catch (cause) {
    throw new DataError(
      "bytePairs: npm package @huggingface/tokenizers: got none, wanted it installed: npm install @huggingface/tokenizers",
      { cause },
    );
  }
}

/** Largest number of a token. The package has a list as long as the largest one, and walks it. */
const LARGEST = 2 ** 22;

/** @throws FormatError for numbers of tokens that are none, or would take time and memory for nothing. */
function checkIds({
  model,
  added_tokens = [],
}: {
  model?: { vocab?: object };
  added_tokens?: { id: number }[];
}) {
  // Of Unigram the vocabulary is a list: numbers are places there.
  const vocabulary = Array.isArray(model?.vocab) ? [] : Object.values(model?.vocab ?? {});
  for (const id of [...vocabulary, ...added_tokens.map((token) => token.id)]) {
    if (!(Number.isInteger(id) && id >= 0 && id <= LARGEST))
      throw new FormatError(
        `bytePairs: number of a token: got ${JSON.stringify(id)?.slice(0, 100)}, wanted an integer from 0 to ${LARGEST}`,
      );
  }
}

/**
 * The encoding of a `tokenizer.json`, given as text or parsed: byte-level BPE as of GPT-2, Llama and their kin, also
 * WordPiece and Unigram. Any other tokenizer, such as those of `gpt-tokenizer` or `js-tiktoken`, takes the same place as
 * a record `{ size, padding, encode, decode }`.
 * Throws `DataError` where the package is missing and `FormatError` for a file that it cannot read.
 * @example
 * const pairs = await bytePairs(await readFile("tokenizer.json", "utf8"));
 * pairs.decode(pairs.encode("low lower")); // "low lower"
 */
export async function bytePairs(file: string | object, options: BytePairOptions = {}): Promise<TextEncoding> {
  checkOptions("bytePairs", options, { padding: 0, special: 0 });
  const { Tokenizer } = await library();
  let tokenizer: InstanceType<typeof Tokenizer>;
  let size = 0;
  let named: unknown;
  try {
    const record = typeof file === "string" ? JSON.parse(file) : file;
    named = options.padding ?? record.padding?.pad_token;
    checkIds(record);
    tokenizer = new Tokenizer(record, {});
    for (const id of tokenizer.get_vocab(true).values()) size = Math.max(size, id + 1);
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    throw new FormatError("bytePairs: got a file that cannot be read, wanted a tokenizer.json", { cause });
  }
  const padding = named === undefined ? 0 : tokenizer.token_to_id(named as string);
  if (padding === undefined)
    throw new FormatError(`bytePairs: padding: got ${JSON.stringify(named)}, wanted a token of the file`);
  const special = options.special ?? false;
  return {
    size,
    padding,
    encode: (text) => Int32Array.from(tokenizer.encode(text, { add_special_tokens: special }).ids),
    decode: (ids) => tokenizer.decode(Array.from(ids), { skip_special_tokens: true }),
  };
}
