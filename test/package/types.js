// A consumer in TypeScript: that every entry point has types for it, under the ways in which people resolve modules, and
// without the types of any runtime.
import { fileURLToPath } from "node:url";
import { Project } from "./project.js";

/** The compiler that this repository itself is built with, where test/package has an older one. */
const newest = fileURLToPath(new URL("../../node_modules/.bin/tsc", import.meta.url));

const SETTINGS = [
  { name: "bundler", module: "esnext", moduleResolution: "bundler" },
  { name: "node16", module: "node16", moduleResolution: "node16" },
  { name: "nodenext", module: "nodenext", moduleResolution: "nodenext" },
  {
    name: "bundler, condition workerd",
    module: "esnext",
    moduleResolution: "bundler",
    customConditions: ["workerd"],
  },
  { name: "bundler, newest compiler", compiler: newest, module: "esnext", moduleResolution: "bundler" },
];

/** Answers pairs of what was checked and, where it failed, why. */
export async function checkTypes() {
  const project = new Project({ type: "module", folders: ["types"] });
  const found = [];
  const accepted = (command) =>
    project.run(command).then(
      () => undefined,
      (error) => error.message,
    );
  try {
    await project.install();
    for (const { name, compiler = "npx tsc", ...options } of SETTINGS) {
      // The strictest checks there are, those of the declarations among them.
      const compilerOptions = {
        ...options,
        target: "es2022",
        lib: ["es2023", "dom"],
        noEmit: true,
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: false,
        types: [],
      };
      project.write("tsconfig.json", JSON.stringify({ compilerOptions, files: ["consumer.ts"] }));
      found.push([`TypeScript, ${name}`, await accepted(compiler)]);
    }
    found.push(["Deno's checker", await accepted("deno check consumer.ts")]);

    // What is wrong must be seen as wrong.
    project.write("consumer.ts", 'import { dense } from "downhill";\ndense("many");\n');
    const said = (await accepted("npx tsc")) ?? "accepts a number of units that is none";
    found.push(["TypeScript, an error is found", said.includes("TS2345") ? undefined : said]);
  } finally {
    project.remove();
  }
  return found;
}
