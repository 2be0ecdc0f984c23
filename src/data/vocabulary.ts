// Vocabularies: tokens numbered by how often they occur.

import { DataError, FormatError, OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { type Tokenizer, type TokenizerSettings, tokenizerOf, words } from "./tokenizers.ts";

/** Turns texts into numbers and back: a vocabulary, byte pairs, or what another library has. */
export interface TextEncoding {
  /** How many ids there are: they are 0 to size − 1. */
  readonly size: number;
  /** The id that fills short texts up. */
  readonly padding: number;
  encode(text: string): Int32Array;
  decode(ids: ArrayLike<number>): string;
}

/** Options of {@link vocabulary}. */
export interface VocabularyOptions {
  /** Cuts texts. Default: `words()`. */
  readonly tokenizer?: Tokenizer;
  /** At most so many ids, those of `special` among them. Default: all tokens. */
  readonly size?: number;
  /** Tokens that occur less often are left out. Default: 1. */
  readonly minimumCount?: number;
  /** Names of tokens of one's own, such as "<start>", with ids after those of padding and the unknown. Default: none. */
  readonly special?: readonly string[];
}

/** A vocabulary as `JSON.stringify` writes it. */
export interface VocabularyRecord {
  readonly tokens: readonly string[];
  /** How many of the first tokens are special. */
  readonly special: number;
  readonly tokenizer?: TokenizerSettings | undefined;
}

const PADDING = "<pad>";
const UNKNOWN = "<unk>";

/** Tokens with numbers: 0 is padding, 1 the unknown, then special ones, then the rest from frequent to rare. */
export class Vocabulary implements TextEncoding {
  readonly padding = 0;
  readonly unknown = 1;
  /** The token of every id. */
  readonly tokens: readonly string[];
  readonly tokenizer: Tokenizer;
  readonly #special: number;
  readonly #ids = new Map<string, number>();

  /** Made by `vocabulary` and `vocabularyFrom`. */
  constructor(tokens: readonly string[], special: number, tokenizer: Tokenizer) {
    this.tokens = tokens;
    this.tokenizer = tokenizer;
    this.#special = special;
    for (const [id, token] of tokens.entries()) this.#ids.set(token, id);
  }

  get size(): number {
    return this.tokens.length;
  }

  /** The id of a token; that of the unknown if it has none. */
  id(token: string): number {
    return this.#ids.get(token) ?? this.unknown;
  }

  /** The ids of a text, which the tokenizer cuts, or of tokens. */
  encode(text: string | readonly string[]): Int32Array {
    const tokens = typeof text === "string" ? this.tokenizer.tokenize(text) : text;
    return Int32Array.from(tokens, (token) => this.id(token));
  }

  /** A text from ids; padding is left out. Throws `DataError` for an id outside. */
  decode(ids: ArrayLike<number>): string {
    const tokens = Array.from(ids, (id, i) => {
      const token = this.tokens[id];
      if (token === undefined)
        throw new DataError(`vocabulary: id ${i}: got ${id}, wanted an integer from 0 to ${this.size - 1}`);
      return token;
    });
    return this.tokenizer.join(tokens.filter((_, i) => ids[i] !== this.padding));
  }

  /** Plain data for a file; `vocabularyFrom` reads it. */
  toJSON(): VocabularyRecord {
    return { tokens: this.tokens, special: this.#special, tokenizer: this.tokenizer.settings };
  }
}

/**
 * The vocabulary of some texts, or of tokens already cut: one array of tokens a text. Ids go from frequent to rare, and
 * where two occur alike often by their UTF-16 code units: the same texts in another order give the same ids.
 * In texts the names of special tokens are not looked for: they come in by `encode` of tokens.
 * Throws `OptionError` for options out of range.
 * @example
 * const ids = vocabulary(["the whale", "the sea"], { size: 10_000, minimumCount: 1 });
 * ids.encode("The white whale"); // [2, 1, 4]: "white" is unknown
 * const again = vocabularyFrom(JSON.parse(JSON.stringify(ids)));
 */
export function vocabulary(
  texts: Iterable<string | readonly string[]>,
  options: VocabularyOptions = {},
): Vocabulary {
  const {
    tokenizer = words(),
    size = Number.MAX_SAFE_INTEGER,
    minimumCount = 1,
    special = [],
  } = checkOptions("vocabulary", options, { tokenizer: 0, size: 0, minimumCount: 0, special: 0 });
  const first = [PADDING, UNKNOWN, ...special];
  if (new Set(first).size < first.length)
    throw new OptionError(`vocabulary: special: got ${first.join(" ")}, wanted names that differ`);
  if (!(Number.isSafeInteger(size) && size >= first.length))
    throw new OptionError(`vocabulary: size: got ${size}, wanted an integer from ${first.length}`);
  if (!(minimumCount >= 1))
    throw new OptionError(`vocabulary: minimumCount: got ${minimumCount}, wanted a number from 1`);
  // A string is iterable too, and would pass for texts of one letter.
  if (typeof texts === "string")
    throw new OptionError("vocabulary: texts: got a string, wanted an array of strings");
  const counts = new Map<string, number>();
  for (const text of texts) {
    const tokens = typeof text === "string" ? tokenizer.tokenize(text) : text;
    for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1);
  }
  for (const token of first) counts.delete(token);
  const found = [...counts].filter(([, count]) => count >= minimumCount);
  found.sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  const tokens = [...first, ...found.slice(0, size - first.length).map(([token]) => token)];
  return new Vocabulary(tokens, first.length, tokenizer);
}

/**
 * The vocabulary that `JSON.stringify` wrote down. A tokenizer of one's own has to be given again.
 * Throws `FormatError` for what is no such record, `OptionError` where the tokenizer is missing.
 */
export function vocabularyFrom(
  record: VocabularyRecord,
  options: { readonly tokenizer?: Tokenizer } = {},
): Vocabulary {
  checkOptions("vocabularyFrom", options, { tokenizer: 0 });
  const { tokens, special, tokenizer: settings } = record ?? {};
  const sound =
    Array.isArray(tokens) &&
    tokens.every((token) => typeof token === "string") &&
    new Set(tokens).size === tokens.length &&
    tokens[0] === PADDING &&
    tokens[1] === UNKNOWN &&
    special >= 2 &&
    special <= tokens.length;
  if (!sound)
    throw new FormatError(
      "vocabularyFrom: got another record, wanted the { tokens, special } that a vocabulary gave",
    );
  const tokenizer = options.tokenizer ?? (settings && tokenizerOf(settings));
  if (!tokenizer) throw new OptionError("vocabularyFrom: tokenizer: got none, wanted the one of the texts");
  return new Vocabulary([...tokens], special, tokenizer);
}
