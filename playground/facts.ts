// What is known of every optimizer, read from its source: the page and its tests take it from here, nobody types it twice.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";

/** One knob of an optimizer. */
interface OptionFacts {
  readonly name: string;
  /** As the source has it. */
  readonly type: string;
  /** What it does; the default is left out. */
  readonly about: string;
  /** What each of its strings means, where the source lists them. */
  readonly choices: readonly { readonly value: string; readonly about: string }[];
  /** The default as the source says it; empty where it says nothing. */
  readonly defaultText: string;
  /** The same where it is a plain value. */
  readonly default?: number | boolean | string | readonly number[] | undefined;
}

export interface OptimizerFacts {
  readonly name: string;
  /** The first sentence of its comment. */
  readonly about: string;
  /** The rest of it. */
  readonly more: string;
  readonly example: string;
  /** Paper or papers. */
  readonly source: string;
  readonly conventions: string;
  /** Under src/optim. */
  readonly file: string;
  /** Where the function begins. */
  readonly line: number;
  readonly options: readonly OptionFacts[];
}

const root = new URL("../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");

/** The lines of a comment without their stars. */
const linesOf = (comment: string) =>
  comment
    .split("\n")
    .map((line) => line.replace(/^\s*\*? ?/, "").trimEnd())
    .filter((line, i, all) => line !== "" || (i > 0 && i < all.length - 1));
const joined = (lines: string[]) => lines.join(" ").replaceAll(/\s+/g, " ").trim();

/** A number, truth value, string or list as it is written in a comment. */
function plain(text: string) {
  const value = text.replaceAll("−", "-");
  if (/^-?[\d.]+(e-?\d+)?$/.test(value)) return Number(value);
  if (/^-?[\d.]+(e-?\d+)?(, -?[\d.]+(e-?\d+)?)+$/.test(value)) return value.split(", ").map(Number);
  if (value === "true" || value === "false") return value === "true";
  if (/^".*"$|^\[.*\]$/.test(value)) return JSON.parse(value);
  return undefined;
}

function optionOf(comment: string, name: string, type: string): OptionFacts {
  const lines = linesOf(comment);
  const first = lines.findIndex((line) => line.startsWith("- "));
  const list = first < 0 ? [] : lines.slice(first);
  const text = joined(first < 0 ? lines : lines.slice(0, first));
  // One line of the list may go on in the next.
  const items = list.reduce((all: string[], line) => {
    if (line.startsWith("- ")) all.push(line.slice(2));
    else all.push(`${all.pop()} ${line.trim()}`);
    return all;
  }, []);
  const choices = items.map((item) => {
    const [, value = "", about = ""] = item.match(/^"([^"]+)": (.*)$/) ?? [];
    return { value, about };
  });
  const marked = choices.find(({ about }) => /\bdefault\b/.test(about))?.value;
  const [, about = "", said = ""] = text.match(/^(.*?)\s*(?:Default: (.*?)\.?)?$/) ?? [];
  const [defaultText = ""] = said.split(
    /;|, where|, enough| for SGD|, the paper's|, AdaGrad's|\. Keras|, best/,
  );
  const value = marked ?? plain(defaultText);
  return {
    name,
    type: type.replaceAll(/\s+/g, " "),
    about,
    choices,
    defaultText: marked ? "" : said,
    default: value,
  };
}

/** The option records of a file. */
function interfacesOf(code: string) {
  const found = code.matchAll(/interface (\w+)(?: extends (\w+))? \{\n([\s\S]*?)\n\}/g);
  return [...found].map(([, name = "", parent, body = ""]) => {
    const fields = body.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*readonly (\w+)\??: ([^;]+);/g);
    const options = [...fields].map(([, comment = "", field = "", type = ""]) =>
      optionOf(comment, field, type),
    );
    return [name, { parent, options }] as const;
  });
}

/** Defaults that a function's own comment says: they go before those of the options that it shares with others. */
function ownDefaults(comment: string) {
  const names: Record<string, string> = { "learning rate": "learningRate", "β₂": "beta2", ε: "epsilon" };
  const said = [...comment.matchAll(/Defaults?:? ((?:learning rate|β₂|ε)[^.]*(?:\.\d[^.]*)*)\./g)];
  const pairs = said.flatMap(([, list = ""]) =>
    list.split(", ").map((each) => {
      const [, name = "", value = ""] = each.match(/^(\D+?):? ([\d.e-]+)$/) ?? [];
      return [names[name] ?? name, Number(value)] as const;
    }),
  );
  const [, decay] = comment.match(/decoupled weight decay, by default ([\d.]+\d)/) ?? [];
  return new Map([...pairs, ...(decay ? [["weightDecay", Number(decay)] as const] : [])]);
}

/** The rows of the table of optimizers in its page. */
function tableOf(page: string) {
  const [, part = ""] = page.match(/### Optimizers\n([\s\S]*?)\n### /) ?? [];
  const rows = part.split("\n").filter((line) => line.startsWith("| `"));
  return rows.map((row) => {
    const [example = "", source = "", conventions = ""] = row
      .split(" | ")
      .map((cell) => cell.replaceAll(/^\| |\|$/g, "").trim());
    const code = example.replaceAll("`", "");
    // Muon stands in a group of parameters: it takes nothing but matrices.
    const name = code.startsWith("parameterGroups") ? "muon" : code.replace(/\(.*$/, "");
    return { name, example: code, source, conventions };
  });
}

/** Every optimizer in the order of its page. */
export function optimizerFacts(): OptimizerFacts[] {
  const files = readdirSync(fileURLToPath(new URL("src/optim", root))).filter((name) => name.endsWith(".ts"));
  const sources = files.map((file) => ({ file, code: read(`src/optim/${file}`) }));
  const records = new Map<string, { parent: string | undefined; options: OptionFacts[] }>(
    sources.flatMap(({ code }) => interfacesOf(code)),
  );
  const optionsOf = (name: string): OptionFacts[] => {
    const { parent, options = [] } = records.get(name) ?? {};
    const own = new Set(options.map((option) => option.name));
    return [...(parent ? optionsOf(parent) : []).filter((option) => !own.has(option.name)), ...options];
  };
  return tableOf(read("docs/optimizers.md")).map((row) => {
    const pattern = new RegExp(
      `/\\*\\*((?:(?!\\*/)[\\s\\S])*)\\*/\\nexport function ${row.name}\\([^)]*?: (\\w+) = \\{\\}\\)`,
    );
    for (const { file, code } of sources) {
      const match = code.match(pattern);
      if (!match) continue;
      const [all, comment = "", record = ""] = match;
      const text = joined(linesOf(comment).join("\n").split(/\n@/)[0]?.split("\n") ?? []);
      const [, about = "", more = ""] = text.match(/^(.*?\.)(?: (?=[A-Z`√])(.*))?$/) ?? [];
      const defaults = ownDefaults(text);
      const options = optionsOf(record).map((option) => {
        const own = defaults.get(option.name);
        return own === undefined ? option : { ...option, default: own, defaultText: String(own) };
      });
      const line = code.slice(0, (match.index ?? 0) + all.indexOf("export function")).split("\n").length;
      return { ...row, about, more, file, line, options };
    }
    throw new Error(`optimizers: ${row.name} is in the table, but not in src/optim`);
  });
}

const NAME = "virtual:optimizers";

const files = () => [...new Set(optimizerFacts().map(({ file }) => file))];

/** Gives the page the facts as a module, and the sources that they are from as text beside it. */
export const facts: Plugin = {
  name: "optimizer-facts",
  resolveId: (id) => (id === NAME ? `\0${NAME}` : undefined),
  load: (id) =>
    id === `\0${NAME}` ? `export const optimizers = ${JSON.stringify(optimizerFacts())};` : undefined,
  generateBundle() {
    for (const file of files())
      this.emitFile({ type: "asset", fileName: `source/${file}.txt`, source: read(`src/optim/${file}`) });
  },
  configureServer({ middlewares }) {
    middlewares.use("/source/", (request, response, next) => {
      const file = request.url?.slice(1).replace(/\.txt$/, "") ?? "";
      if (!files().includes(file)) return next();
      response.setHeader("content-type", "text/plain; charset=utf-8");
      response.end(read(`src/optim/${file}`));
    });
  },
};
