// Every public name says in a sentence what it is: above its declaration, where the reference is made from.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { entries } from "../docs/reference/entries.js";

interface Declaration {
  readonly name: string;
  readonly file: string;
}

const text = (file: string) => readFileSync(file, "utf8");

/** What a file exports, followed to where it is declared. */
function exportsOf(file: string): Declaration[] {
  const source = text(file).replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  const to = (path: string) => join(dirname(file), path);
  const lists = [...source.matchAll(/^export (type )?\{([^}]*)\} from "([^"]+)";/gm)];
  const stars = [...source.matchAll(/^export \* from "([^"]+)";/gm)];
  const own = source.matchAll(
    /^export (?:declare |abstract |async )*(?:function\*?|const|class|interface|type) (\w+)/gm,
  );
  return [
    ...[...own].map(([, name]) => ({ name: name!, file })),
    ...stars.flatMap(([, path]) => exportsOf(to(path!))),
    ...lists.flatMap(([, , names, path]) =>
      names!
        .split(",")
        .map((each) => each.trim().replace(/^type /, ""))
        .filter(Boolean)
        .map((each) => {
          const [name] = each.split(" as ") as [string];
          const found = exportsOf(to(path!)).find((declared) => declared.name === name);
          if (!found) throw new Error(`${to(path!)}: ${name} is not found`);
          return found;
        }),
    ),
  ];
}

/** The comment right above a declaration, without its stars; overloads have theirs above the first. */
function commentOf({ name, file }: Declaration): string | undefined {
  const declared = new RegExp(
    String.raw`/\*\*((?:(?!\*/)[\s\S])*)\*/\s*\nexport (?:declare |abstract |async )*(?:function\*?|const|class|interface|type) ${name}\b`,
  ).exec(text(file));
  return declared?.[1]?.replace(/^\s*\* ?/gm, "").trim();
}

const modules = [...entries()];

test("every entry point is read, with types and values, its own and those of others", () => {
  const names = new Map(modules.map(([name, file]) => [name, exportsOf(file).map((each) => each.name)]));
  expect(names.get("downhill")).toEqual(
    expect.arrayContaining(["train", "TrainOptions", "OptionError", "Tensor"]),
  );
  expect(names.get("downhill/layers")!.length).toBeGreaterThan(60);
  expect(modules.length).toBeGreaterThanOrEqual(12);
});

test.each(modules)("%s: every export has a comment that begins with a sentence", (_, file) => {
  const mute = exportsOf(file).filter((each) => {
    const [first = ""] = commentOf(each)?.split(/\n\s*\n|^@/m) ?? [];
    return !/^[^@\s][\s\S]*?[.:;](\s|$)/.test(first.trim());
  });
  expect(mute.map(({ name, file: at }) => `${at.replace(/^.*\/src\//, "src/")}: ${name}`)).toEqual([]);
});
