// Tokenizers: a text cut into the pieces that a vocabulary numbers.

import { OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";

/** Cuts a text into tokens and joins tokens to a text. */
export interface Tokenizer {
  tokenize(text: string): string[];
  join(tokens: readonly string[]): string;
  /** What makes this tokenizer again; a tokenizer of one's own has none. */
  readonly settings?: TokenizerSettings;
}

/** A tokenizer of this library as plain data. */
export type TokenizerSettings =
  | ({ readonly name: "characters" } & CharacterOptions)
  | ({ readonly name: "words" } & WordOptions);

/** Options of {@link characters}. */
export interface CharacterOptions {
  /** Turns letters to small ones first. Default: false. */
  readonly lowerCase?: boolean;
}

/** Options of {@link words}. */
export interface WordOptions {
  /** Turns letters to small ones first. Default: true. */
  readonly lowerCase?: boolean;
  /** Keeps each character that is neither letter, digit nor white space as a token. Default: false. */
  readonly punctuation?: boolean;
  /** Cuts by the dictionaries of `Intl.Segmenter` for this language: for Chinese, Japanese, Thai. */
  readonly locale?: string;
}

/**
 * A token for every Unicode code point, white space too; joined, they are the text again.
 * @example
 * characters().tokenize("né 🙂"); // ["n", "é", " ", "🙂"]
 */
export function characters(options: CharacterOptions = {}): Tokenizer {
  const { lowerCase = false } = checkOptions("characters", options, { lowerCase: 0 });
  return {
    tokenize: (text) => Array.from(lowerCase ? text.toLowerCase() : text),
    join: (tokens) => tokens.join(""),
    settings: { name: "characters", lowerCase },
  };
}

/** Letters with their marks, digits, and apostrophes between letters; or any other visible character. */
const PIECES = /[\p{L}\p{M}\p{N}_]+(?:['’][\p{L}\p{M}]+)*|[^\s\p{L}\p{M}\p{N}_]/gu;
const WORDS = /[\p{L}\p{M}\p{N}_]+(?:['’][\p{L}\p{M}]+)*/gu;
const WORD = /[\p{L}\p{M}\p{N}_]/u;

/**
 * A token for every run of letters, digits and underscores; an apostrophe between letters is part of the word. Texts are
 * brought to Unicode's composed form (NFC) first, so that é is one letter however it was typed. Joined by spaces.
 * Regular expressions by default, for they cut alike on every runtime; with `locale` the runtime's dictionaries, which
 * may differ from one version to the next. Throws `OptionError` where the runtime has no `Intl.Segmenter`.
 * @example
 * words().tokenize("Don't panic: 42!"); // ["don't", "panic", "42"]
 * words({ punctuation: true }).tokenize("Ahoy!"); // ["ahoy", "!"]
 */
export function words(options: WordOptions = {}): Tokenizer {
  const {
    lowerCase = true,
    punctuation = false,
    locale,
  } = checkOptions("words", options, { lowerCase: 0, punctuation: 0, locale: 0 });
  const segmenter = locale === undefined ? undefined : segmenterOf(locale);
  const tokenize = (text: string): string[] => {
    const clean = (lowerCase ? text.toLowerCase() : text).normalize("NFC");
    if (!segmenter) return clean.match(punctuation ? PIECES : WORDS) ?? [];
    const pieces = Array.from(segmenter.segment(clean), ({ segment }) => segment);
    return pieces.filter((piece) => (punctuation ? piece.trim() !== "" : WORD.test(piece)));
  };
  return {
    tokenize,
    join: (tokens) => tokens.join(" "),
    settings: { name: "words", lowerCase, punctuation, ...(locale !== undefined && { locale }) },
  };
}

/** The tokenizer that has these settings; throws `OptionError` for a name that is none. */
export function tokenizerOf(settings: TokenizerSettings): Tokenizer {
  const { name, ...options } = settings;
  if (name === "characters") return characters(options);
  if (name === "words") return words(options);
  throw new OptionError(`tokenizer: name: got ${String(name)}, wanted "characters" or "words"`);
}

function segmenterOf(locale: string): Intl.Segmenter {
  try {
    return new Intl.Segmenter(locale, { granularity: "word" });
  } catch (cause) {
    throw new OptionError(
      `words: locale: got ${JSON.stringify(locale)}, wanted a language tag, and a runtime with Intl.Segmenter`,
      {
        cause,
      },
    );
  }
}
