// The entry point downhill/text: text as data, cut into tokens, numbered, padded and put into buckets of like length.
export { type BytePairOptions, bytePairs } from "./data/byte-pairs.ts";
export { NgramModel, type NgramOptions, ngramModel } from "./data/ngrams.ts";
export {
  type Bucket,
  buckets,
  type Labels,
  nextTokenDataset,
  type PaddingOptions,
  padSequences,
  type TextDatasetOptions,
  textDataset,
} from "./data/sequences.ts";
export { type LabelledTexts, type SpamAssassinOptions, spamAssassin } from "./data/spam-assassin.ts";
export {
  type CharacterOptions,
  characters,
  type Tokenizer,
  type TokenizerSettings,
  type WordOptions,
  words,
} from "./data/tokenizers.ts";
export {
  type TextEncoding,
  Vocabulary,
  type VocabularyOptions,
  type VocabularyRecord,
  vocabulary,
  vocabularyFrom,
} from "./data/vocabulary.ts";
