// The rules of the house: who may import whom, and how a file begins.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Floors: a file imports from lower ones and from its own folder; folders of one floor stand side by side. */
const FLOORS: Record<string, number> = {
  core: 0,
  // Beside the core but for its errors.
  host: 0.5,
  graph: 1,
  formats: 1,
  ops: 2,
  compile: 3,
  engine: 4,
  nn: 5,
  optim: 5,
  data: 5,
  train: 6,
  minimize: 7,
  replay: 7,
  onnx: 7,
  tflite: 7.5,
  keras: 7,
  torch: 7,
  quantize: 7,
  standalone: 8,
  compress: 8,
  inference: 6,
  race: 8,
  // The tables of contents, one an entry point.
  "images.ts": 8,
  "index.ts": 8,
  "instruments.ts": 8,
  "internals.ts": 8,
  "layers.ts": 8,
  "losses.ts": 8,
  "regularize.ts": 8,
  "slim.ts": 9,
  "tables.ts": 8,
  "text.ts": 8,
};

interface Import {
  readonly from: string;
  readonly to: string;
  readonly type: boolean;
  readonly dynamic: boolean;
}

function files(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter(({ name }) => name !== "node_modules")
    .flatMap((entry) =>
      entry.isDirectory() ? files(`${folder}/${entry.name}`) : [`${folder}/${entry.name}`],
    )
    .filter((path) => /\.[tj]s$/.test(path));
}
const text = (path: string) => readFileSync(join(root, path), "utf8");
/** Without comments, so that examples in them do not count. */
const code = (path: string) => text(path).replace(/\/\*[\s\S]*?\*\/|^[ \t]*\/\/.*$/gm, "");

function importsOf(from: string): Import[] {
  const statements = code(from).matchAll(/^(?:import|export)( type)?\b(?:[^;"'`=(]*\sfrom)?\s*"([^"]+)"/gm);
  const calls = code(from).matchAll(/\bimport\("([^"]+)"\)/g);
  return [
    ...[...statements].map(([, type, to]) => ({ from, to: to!, type: type !== undefined, dynamic: false })),
    ...[...calls].map(([, to]) => ({ from, to: to!, type: false, dynamic: true })),
  ];
}
const resolved = ({ from, to }: Import) =>
  to === "#host"
    ? "src/host/host.ts"
    : normalize(join(dirname(from), to))
        .split(sep)
        .join("/");
const folderOf = (path: string) => path.split("/")[1]!;

const source = files("src");
const imports = source.flatMap(importsOf);
const local = imports.filter(({ to }) => (to.startsWith(".") && !/\.wasm(\?|$)/.test(to)) || to === "#host");

test("the files are found, and their imports", () => {
  expect(source.length).toBeGreaterThan(40);
  expect(imports.length).toBeGreaterThan(150);
  expect(imports.some(({ type }) => type) && imports.some(({ dynamic }) => dynamic)).toBe(true);
});

describe("floors", () => {
  test("every folder has its floor", () => {
    expect(source.map(folderOf).filter((folder) => FLOORS[folder] === undefined)).toEqual([]);
  });
  test("a file imports from lower floors and its own folder only", () => {
    const wrong = local.filter((each) => {
      const to = resolved(each);
      if (to.startsWith("assembly/")) return false;
      const [mine, theirs] = [folderOf(each.from), folderOf(to)];
      return mine !== theirs && !(FLOORS[theirs]! < FLOORS[mine]!);
    });
    expect(wrong.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
  });
  test("formats know the core, the host and nothing else", () => {
    const wrong = local.filter(
      (each) =>
        folderOf(each.from) === "formats" && !["formats", "core", "host"].includes(folderOf(resolved(each))),
    );
    expect(wrong.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
  });
  test("of the kernels the host knows the contract alone, and the kernels know nothing of the host", () => {
    const beyond = local.map(resolved).filter((to) => !to.startsWith("src/"));
    expect(new Set(beyond)).toEqual(new Set(["assembly/abi.ts"]));
    const kernels = files("assembly").flatMap(importsOf);
    expect(kernels.length).toBeGreaterThan(20);
    expect(
      kernels
        .filter((each) => !resolved(each).startsWith("assembly/"))
        .map(({ from, to }) => `${from}: ${to}`),
    ).toEqual([]);
  });
  test("above the engine nobody knows of WebAssembly", () => {
    const outside = source.filter(
      (path) => !["engine", "host"].includes(folderOf(path)) && /\bWebAssembly\./.test(code(path)),
    );
    expect(outside).toEqual([]);
  });
});

describe("packages", () => {
  const {
    dependencies = {},
    peerDependencies = {},
    peerDependenciesMeta = {},
  } = JSON.parse(text("package.json"));
  const bare = imports.filter(({ to, type }) => /^(?![.#]|node:)/.test(to) && !type);
  test("none is needed", () => {
    expect(dependencies).toEqual({});
    for (const name of Object.keys(peerDependencies))
      expect(peerDependenciesMeta[name]).toEqual({ optional: true });
  });
  test("one that may be there is asked for only when it is used", () => {
    expect(bare.filter(({ dynamic }) => !dynamic).map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
    expect(bare.map(({ to }) => to).filter((name) => !(name in peerDependencies))).toEqual([]);
  });
  test("one that may be missing is asked for inside a try, or webpack builds nothing without it", () => {
    const asked = source.flatMap((path) => [
      ...code(path).matchAll(
        /(\btry \{\s*(?:return|const \w+ =) \(?await )?(?<!typeof )\bimport\("(?![.#]|node:)[^"]+"\)/g,
      ),
    ]);
    expect(asked.length).toBeGreaterThan(4);
    expect(asked.filter(([, inside]) => !inside).map(([all]) => all)).toEqual([]);
  });
  test("what one runtime alone has is imported by its host alone", () => {
    const importers = (what: RegExp) =>
      new Set(imports.filter(({ to }) => what.test(to)).map(({ from }) => from));
    expect(importers(/^node:/)).toEqual(new Set(["src/host/node.ts"]));
    const both = (family: string) => new Set([`src/host/${family}.ts`, `src/host/quantized-${family}.ts`]);
    expect(importers(/^#wasm/)).toEqual(both("browser"));
    expect(importers(/wasm$/)).toEqual(both("workerd"));
    expect(importers(/wasm\?module$/)).toEqual(both("edge-light"));
  });
  test("everybody else imports the one that the build is for, or its types", () => {
    const direct = local.filter((each) => resolved(each).startsWith("src/host/") && each.to !== "#host");
    const wrong = direct.filter(
      ({ from, to, type }) =>
        folderOf(from) !== "host" && !type && !/\/(instance|extension|slim)\.ts$/.test(to),
    );
    expect(wrong.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
  });
});

describe("files", () => {
  test.each([...source, ...files("assembly"), ...files("scripts")])(
    "%s opens by saying why it exists",
    (path) => {
      const [first = ""] = text(path)
        .replace(/^#!.*\n/, "")
        .split("\n");
      expect(first).toMatch(/^(\/\/|\/\*\*?) \S.{8,}/);
    },
  );
  test("none has a default export", () => {
    const found = [
      ...source,
      ...files("assembly"),
      ...files("scripts"),
      ...files("test"),
      ...files("examples"),
    ]
      // What a worker at the edge is, its default export says: the platform wants it so.
      .filter((path) => !/^examples\/\w+\/worker\.js$/.test(path))
      .filter((path) => /^export default\b|\bas default\b/m.test(code(path)));
    expect(found).toEqual([]);
  });
  test("no file is called after nothing", () => {
    expect(source.filter((path) => /util|helper|manager|misc|common/i.test(path))).toEqual([]);
  });
});

describe("lock files", () => {
  interface Locked {
    readonly resolved?: string;
    readonly optionalDependencies?: Record<string, string>;
  }
  const packagesOf = (path: string) =>
    (JSON.parse(text(path)) as { readonly packages: Record<string, Locked> }).packages;
  const locks = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter(({ name }) => name === "package-lock.json")
    .map(({ parentPath }) => relative(root, join(parentPath, "package-lock.json")).split(sep).join("/"))
    .filter((path) => !/node_modules|^build\//.test(path));

  test.each(locks)("%s holds every platform's packages, or npm ci refuses it", (path) => {
    const packages = packagesOf(path);
    const held = new Set(Object.keys(packages).map((at) => at.replace(/^.*node_modules\//, "")));
    const wanted = Object.values(packages).flatMap((each) => Object.keys(each.optionalDependencies ?? {}));
    expect(wanted.filter((name) => !held.has(name))).toEqual([]);
  });
  test.each(locks)("%s holds no address", (path) => {
    const addresses = Object.values(packagesOf(path)).map((each) => each.resolved ?? "");
    expect(addresses.filter((address) => address.includes(":"))).toEqual([]);
  });
});
