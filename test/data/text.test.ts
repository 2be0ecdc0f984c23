// Texts as data, against what can be said of them by hand and by brute force.
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DataError, FormatError, OptionError } from "#src/core/errors";
import { integers } from "#src/core/random";
import {
  buckets,
  bytePairs,
  characters,
  nextTokenDataset,
  ngramModel,
  padSequences,
  spamAssassin,
  textDataset,
  vocabulary,
  vocabularyFrom,
  words,
} from "#src/text";

describe("tokenizers", () => {
  test.each<[string, Parameters<typeof words>[0], string[]]>([
    ["Don't panic: 42!", {}, ["don't", "panic", "42"]],
    ["Don’t PANIC, 42!", { lowerCase: false, punctuation: true }, ["Don’t", "PANIC", ",", "42", "!"]],
    ["  \n", { punctuation: true }, []],
    ["naïve snake_case Ünïcode'", {}, ["naïve", "snake_case", "ünïcode"]],
    // The accent typed as a character of its own.
    ["cafe\u0301", {}, ["caf\u00e9"]],
    ["हिन्दी भाषा", {}, ["हिन्दी", "भाषा"]],
    ["私は猫です。", { locale: "ja" }, ["私", "は", "猫", "です"]],
    ["私は猫です。", { locale: "ja", punctuation: true }, ["私", "は", "猫", "です", "。"]],
    ["😀 ok", { punctuation: true }, ["😀", "ok"]],
  ])("words of %j with %j", (text, options, tokens) => {
    expect(words(options).tokenize(text)).toEqual(tokens);
  });
  test("characters are code points and join to the text again", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const { tokenize, join } = characters();
        expect(join(tokenize(text))).toBe(text);
        expect(tokenize(text).every((token) => [...token].length === 1)).toBe(true);
      }),
    );
    expect(characters({ lowerCase: true }).tokenize("AÉ🙂")).toEqual(["a", "é", "🙂"]);
  });
  test("a language that is none", () => {
    expect(() => words({ locale: "no language" })).toThrow(OptionError);
  });
});

describe("vocabularies", () => {
  const texts = ["the whale the sea", "the white whale", "a sea"];
  test("number tokens from frequent to rare, then by code unit", () => {
    expect(vocabulary(texts).tokens).toEqual(["<pad>", "<unk>", "the", "sea", "whale", "a", "white"]);
    expect(vocabulary(texts.toReversed()).tokens).toEqual(vocabulary(texts).tokens);
    expect(vocabulary(texts, { size: 4 }).tokens).toEqual(["<pad>", "<unk>", "the", "sea"]);
    expect(vocabulary(texts, { minimumCount: 2 }).tokens).toEqual(["<pad>", "<unk>", "the", "sea", "whale"]);
    const special = vocabulary([["<start>", "x"]], { special: ["<start>", "<end>"] });
    expect(special.tokens).toEqual(["<pad>", "<unk>", "<start>", "<end>", "x"]);
    expect([...special.encode(["<start>", "x", "y"])]).toEqual([2, 4, 1]);
  });
  test("encode and decode", () => {
    const ids = vocabulary(texts);
    expect(ids.encode("The white shark")).toEqual(Int32Array.of(2, 6, 1));
    expect(ids.decode([2, 4, 0, 0])).toBe("the whale");
    expect([ids.id("sea"), ids.id("constructor"), ids.padding, ids.unknown, ids.size]).toEqual([
      3, 1, 0, 1, 7,
    ]);
    expect(() => ids.decode([2, 7])).toThrow(
      new DataError("vocabulary: id 1: got 7, wanted an integer from 0 to 6"),
    );
  });
  test("what characters encode, they decode", () => {
    const text = "Call me Ishmael. 🐳";
    const ids = vocabulary([text], { tokenizer: characters() });
    expect(ids.decode(ids.encode(text))).toBe(text);
  });
  test("come back from JSON", () => {
    for (const tokenizer of [
      words({ lowerCase: false, punctuation: true }),
      characters(),
      words({ locale: "ja" }),
    ]) {
      const made = vocabulary(["The Sea, the sea"], { tokenizer, special: ["<end>"] });
      const again = vocabularyFrom(JSON.parse(JSON.stringify(made)));
      expect(again.tokens).toEqual(made.tokens);
      expect(JSON.stringify(again)).toBe(JSON.stringify(made));
      expect(again.encode("The, sea")).toEqual(made.encode("The, sea"));
    }
    const own = {
      tokenize: (text: string) => text.split("-"),
      join: (tokens: readonly string[]) => tokens.join("-"),
    };
    const record = JSON.parse(JSON.stringify(vocabulary(["a-b-a"], { tokenizer: own })));
    expect(() => vocabularyFrom(record)).toThrow(OptionError);
    expect(vocabularyFrom(record, { tokenizer: own }).encode("b-a")).toEqual(Int32Array.of(3, 2));
  });
  test.each([
    [() => vocabulary(texts, { size: 1 }), "vocabulary: size: got 1, wanted an integer from 2"],
    [() => vocabulary(texts, { minimumCount: 0 }), "vocabulary: minimumCount: got 0, wanted a number from 1"],
    [() => vocabulary("the sea"), "vocabulary: texts: got a string, wanted an array of strings"],
    [
      () => vocabulary(texts, { special: ["<pad>"] }),
      "vocabulary: special: got <pad> <unk> <pad>, wanted names that differ",
    ],
  ])("options that do not fit (%#)", (call, message) => {
    expect(call).toThrow(new OptionError(message));
  });
  test.each([{}, null, { tokens: ["a"], special: 2 }, { tokens: ["<pad>", "<unk>", 3], special: 2 }])(
    "a record that is none: %j",
    (record) => {
      expect(() => vocabularyFrom(record as never)).toThrow(FormatError);
    },
  );
});

describe("byte pairs", () => {
  const file = () => readFile(new URL("tokenizer.json", import.meta.url), "utf8");
  test("merge as the file says", async () => {
    const pairs = await bytePairs(await file());
    expect(pairs.encode("low lower")).toEqual(Int32Array.of(7, 8, 9));
    expect(pairs.encode("wore")).toEqual(Int32Array.of(2, 1, 4, 3));
    expect(pairs.decode([7, 8, 9])).toBe("low lower");
    expect([pairs.size, pairs.padding]).toEqual([11, 0]);
    expect((await bytePairs(JSON.parse(await file()), { padding: "<fill>" })).padding).toBe(10);
    const data = textDataset(["low", "lower low"], [0, 1], { vocabulary: pairs, length: 3 });
    expect(data.inputs.values).toEqual(Int32Array.of(7, 0, 0, 7, 9, 8));
  });
  test("a file that is none", async () => {
    await expect(bytePairs("{")).rejects.toThrow(FormatError);
    await expect(bytePairs({})).rejects.toThrow(FormatError);
    const { model, ...rest } = JSON.parse(await file());
    // A list as long as that would be walked for minutes.
    const far = { ...rest, added_tokens: [{ id: 1e9, content: "<far>" }], model };
    await expect(bytePairs(far)).rejects.toThrow("number of a token: got 1000000000, wanted an integer");
    const half = { ...rest, model: { ...model, vocab: { ...model.vocab, half: 0.5 } } };
    await expect(bytePairs(half)).rejects.toThrow("got 0.5");
    await expect(bytePairs(await file(), { padding: "<none>" })).rejects.toThrow(
      new FormatError('bytePairs: padding: got "<none>", wanted a token of the file'),
    );
  });
});

describe("sequences", () => {
  const rows = [[], [1], [1, 2, 3], [1, 2, 3, 4]];
  test.each<["start" | "end", "start" | "end", number[]]>([
    ["end", "end", [9, 9, 9, 1, 9, 9, 1, 2, 3, 1, 2, 3]],
    ["start", "end", [9, 9, 9, 9, 9, 1, 1, 2, 3, 1, 2, 3]],
    ["end", "start", [9, 9, 9, 1, 9, 9, 1, 2, 3, 2, 3, 4]],
    ["start", "start", [9, 9, 9, 9, 9, 1, 1, 2, 3, 2, 3, 4]],
  ])("padded at the %s, cut at the %s", (padding, truncate, wanted) => {
    expect([...padSequences(rows, { length: 3, value: 9, padding, truncate })]).toEqual(wanted);
  });
  test("too long a one may be an error", () => {
    expect(() => padSequences(rows, { length: 3, truncate: "never" })).toThrow(
      new DataError("padSequences: sequence 3: got 4 ids, wanted at most 3"),
    );
    expect(padSequences(rows, { length: 4, truncate: "never" }).length).toBe(16);
    expect(() => padSequences(rows, { length: 0 })).toThrow(OptionError);
    expect(() => padSequences(rows, { length: 2, padding: "left" as never })).toThrow(OptionError);
  });

  const texts = ["a b c d e", "a", "b c", "a b c", "c b a d e f g"];
  const ids = vocabulary(texts);
  test("texts are a dataset of integers, with labels or without", () => {
    const data = textDataset(texts, [0, 1, 1, 0, 2], { vocabulary: ids, length: 4 });
    expect([data.length, data.inputShape, data.targetShape, data.classes]).toEqual([5, [4], [], 3]);
    expect(data.inputs.values).toBeInstanceOf(Int32Array);
    expect([...data.at(2).input]).toEqual([...ids.encode("b c"), 0, 0]);
    expect(data.shuffle(1).materialize().inputs.values).toBeInstanceOf(Int32Array);
    expect(textDataset(texts, undefined, { vocabulary: ids, length: 4 }).labels).toBe(undefined);
    expect(() => textDataset(texts, [1], { vocabulary: ids, length: 4 })).toThrow(
      new DataError("textDataset: got 5 texts and 1 labels, wanted as many"),
    );
    expect(() => textDataset(["a"], [0.5], { vocabulary: ids, length: 4 })).toThrow(DataError);
  });
  test("buckets hold every text once, in the shortest that fits", () => {
    const labels = [0, 1, 1, 0, 2];
    const parts = buckets(texts, labels, { vocabulary: ids, lengths: [2, 4, 5], truncate: "start" });
    expect(parts.map(({ length, positions }) => [length, ...positions])).toEqual([
      [2, 1, 2],
      [4, 3],
      [5, 0, 4],
    ]);
    for (const { length, data, positions } of parts) {
      expect([data.inputShape, data.classes]).toEqual([[length], 3]);
      for (const [row, position] of positions.entries()) {
        const all = ids.encode(texts[position]!);
        const { input, label } = data.at(row);
        expect([...input].filter((id) => id !== 0)).toEqual([...all.slice(-length)]);
        expect(label).toBe(labels[position]);
      }
    }
    expect(() => buckets(texts, labels, { vocabulary: ids, lengths: [4, 4] })).toThrow(OptionError);
    expect(() => buckets(texts, labels, { vocabulary: ids, lengths: [] })).toThrow(OptionError);
    expect(buckets(["a"], undefined, { vocabulary: ids, lengths: [1, 8] }).length).toBe(1);
  });
  test("windows predict the id after each, by any stride", () => {
    const all = integers(57, { below: 11, seed: 1 });
    for (const [length, stride] of [
      [8, undefined],
      [8, 8],
      [8, 3],
      [5, 9],
      [56, undefined],
      [1, 1],
    ] as const) {
      const data = nextTokenDataset(all, { length, classes: 11, ...(stride && { stride }) });
      const step = stride ?? length;
      expect(data.length).toBe(Math.floor((56 - length) / step) + 1);
      expect([data.inputShape, data.targetShape, data.classes]).toEqual([[length], [length], 11]);
      expect(data.inputs.values).toBeInstanceOf(Int32Array);
      for (let i = 0; i < data.length; i++) {
        expect([...data.at(i).input]).toEqual([...all.slice(i * step, i * step + length)]);
        const label = data.at(i).label;
        expect(typeof label === "number" ? [label] : [...label!]).toEqual([
          ...all.slice(i * step + 1, i * step + length + 1),
        ]);
      }
    }
    expect(nextTokenDataset(all, { length: 8 }).inputs.values.buffer).toBe(all.buffer);
    expect(() => nextTokenDataset([1, 2], { length: 2 })).toThrow(
      new DataError("nextTokenDataset: ids: got 2, wanted 3 or more for windows of 2"),
    );
  });
});

/** Kneser–Ney by its definition, with runs as strings counted anew at every question. */
function reference(ids: readonly number[], order: number, size: number) {
  const runs = (n: number) => ids.slice(0, ids.length - n + 1).map((_, i) => ids.slice(i, i + n));
  /** How often each run of n occurs; below the order, after how many different tokens, the text's start among them. */
  const counts = (n: number): Map<string, number> => {
    const found = new Map<string, number>();
    const add = (run: number[]) => found.set(`${run}`, (found.get(`${run}`) ?? 0) + 1);
    if (n === order) for (const run of runs(n)) add(run);
    else {
      const longer = new Map(runs(n + 1).map((run) => [`${run}`, run]));
      for (const run of longer.values()) add(run.slice(1));
      add(ids.slice(0, n));
    }
    return found;
  };
  const tables = Array.from({ length: order }, (_, n) => counts(n + 1));
  const probability = (context: readonly number[], id: number): number => {
    const n = context.length + 1;
    const lower = n === 1 ? 1 / size : probability(context.slice(1), id);
    const table = tables[n - 1]!;
    const children = Array.from({ length: size }, (_, next) => table.get(`${[...context, next]}`) ?? 0);
    const all = children.reduce((a, b) => a + b);
    if (all === 0) return lower;
    const [n1, n2] = [1, 2].map((times) => [...table.values()].filter((count) => count === times).length);
    const discount = n1 ? n1 / (n1 + 2 * n2!) : 0.5;
    const different = children.filter((count) => count > 0).length;
    return (Math.max(0, children[id]! - discount) + discount * different * lower) / all;
  };
  return probability;
}

describe("n-gram models", () => {
  const size = 5;
  const known = [...integers(120, { below: size - 1, seed: 3 })].map((id, i) => (i % 3 === 0 ? 0 : id));
  const unseen = [...integers(40, { below: size, seed: 4 })];
  test.each([1, 2, 3, 4])("of order %i are Kneser and Ney's", (order) => {
    const model = ngramModel(known, { order, size });
    const wanted = reference(known, order, size);
    let loss = 0;
    for (let i = 1; i < unseen.length; i++) {
      const context = unseen.slice(Math.max(0, i - order + 1), i);
      const p = wanted(context, unseen[i]!);
      expect(model.probability(context, unseen[i]!)).toBeCloseTo(p, 12);
      loss -= Math.log(p);
    }
    expect(model.loss(unseen)).toBeCloseTo(loss / (unseen.length - 1), 12);
    expect(model.perplexity(unseen)).toBeCloseTo(Math.exp(loss / (unseen.length - 1)), 10);
  });
  test.each(["kneser-ney", { addK: 0.5 }] as const)("share out the whole probability: %j", (smoothing) => {
    const model = ngramModel(known, { order: 3, size, smoothing });
    for (const context of [[], [0], [4], [0, 1], [1, 2, 3], [4, 4]]) {
      const sum = Array.from({ length: size }, (_, id) => model.probability(context, id)).reduce(
        (a, b) => a + b,
      );
      expect(sum).toBeCloseTo(1, 12);
    }
  });
  test("add k to every count", () => {
    const model = ngramModel([0, 1, 0, 1, 0, 2], { order: 2, size: 3, smoothing: { addK: 0.5 } });
    expect(model.probability([0], 1)).toBeCloseTo(2.5 / 4.5, 12);
    expect(model.probability([2], 1)).toBeCloseTo(1 / 3, 12);
    const plain = ngramModel([0, 1, 0, 1, 0, 2], { order: 2, size: 3, smoothing: { addK: 0 } });
    expect(plain.loss([0, 1])).toBeCloseTo(Math.log(3 / 2), 12);
    expect(plain.loss([0, 0])).toBe(Number.POSITIVE_INFINITY);
  });
  test("refuse what is no id and no option", () => {
    const model = ngramModel(known, { size });
    expect(() => model.loss([1, 5])).toThrow(
      new OptionError("ngramModel: id 1: got 5, wanted an integer from 0 to 4"),
    );
    expect(() => model.loss([1])).toThrow(OptionError);
    expect(() => ngramModel(known, { order: 0 })).toThrow(OptionError);
    expect(() => ngramModel([])).toThrow(OptionError);
    expect(() => ngramModel(known, { smoothing: { addK: -1 } })).toThrow(OptionError);
    expect(() => ngramModel(known, { smoothing: "none" as never })).toThrow(OptionError);
  });
});

describe("SpamAssassin's mails", () => {
  const mail = (subject: string, body: string) =>
    `From x\nReceived: y\r\nSubject: ${subject}\nTo: z\n\n${body}`;
  test("are subject and body, each once, split alike for a seed", async () => {
    const directory = await mkdtemp(join(tmpdir(), "downhill-"));
    try {
      for (const [f, folder] of ["easy-ham-1", "easy-ham-2", "hard-ham-1", "spam-1", "spam-2"].entries()) {
        await mkdir(join(directory, folder));
        for (let i = 0; i < 10; i++)
          await writeFile(
            join(directory, folder, `${i}.txt`),
            mail(`long\n subject ${"abcde"[f]}`, "x".repeat(i + 1)),
          );
        await writeFile(join(directory, folder, "a-copy.txt"), mail(`LONG   subject ${"abcde"[f]}`, "1 x"));
      }
      const { train, test: tested } = await spamAssassin({ directory, seed: 1 });
      expect([train.texts.length, tested.texts.length]).toEqual([40, 10]);
      expect([train.labels, tested.labels].map((labels) => labels.reduce((a, b) => a + b))).toEqual([16, 4]);
      const all = [...train.texts, ...tested.texts];
      expect(new Set(all.map((text) => text.toLowerCase().replace(/\W/g, ""))).size).toBe(50);
      for (const [i, text] of train.texts.entries()) {
        expect(text).toMatch(/^long +subject [a-e]\n\n(1 x|x+)$/i);
        expect(train.labels[i]).toBe(/subject [de]/i.test(text) ? 1 : 0);
      }
      expect(await spamAssassin({ directory, seed: 1 })).toEqual({ train, test: tested });
      expect((await spamAssassin({ directory, seed: 2 })).test.texts).not.toEqual(tested.texts);
      const few = await spamAssassin({ directory, limit: 15 });
      expect(few.test.texts.length + few.train.texts.length).toBe(15);
      const spam = [...few.train.labels, ...few.test.labels].filter((label) => label === 1);
      expect(spam.length).toBe(6);
      await rm(join(directory, "spam-1"), { recursive: true });
      await expect(spamAssassin({ directory })).rejects.toThrow(DataError);
    } finally {
      await rm(directory, { recursive: true });
    }
    await expect(spamAssassin({ test: 1 })).rejects.toThrow(OptionError);
    await expect(spamAssassin({ limit: 0 })).rejects.toThrow(OptionError);
  });
  test("the real ones: 5,900 that differ, 1,800 of them spam", async () => {
    const { train, test: tested } = await spamAssassin();
    expect([train.texts.length, tested.texts.length]).toEqual([4722, 1180]);
    expect([train.labels, tested.labels].map((labels) => labels.reduce((a, b) => a + b))).toEqual([
      1440, 360,
    ]);
    expect(new Set([...train.texts, ...tested.texts]).size).toBe(5902);
  });
});
