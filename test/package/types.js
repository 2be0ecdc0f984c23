// A consumer in TypeScript: that every entry point has types for it, under the ways in which people resolve modules, and
// without the types of any runtime.
import { Project } from "./project.js";

/** Each with the strictest checks there are, those of the declarations among them. */
const SETTINGS = [
  { name: "bundler", module: "esnext", moduleResolution: "bundler", lib: ["es2023", "dom"] },
  { name: "node16", module: "node16", moduleResolution: "node16", lib: ["es2023", "dom"] },
  { name: "nodenext", module: "nodenext", moduleResolution: "nodenext", lib: ["es2023", "dom"] },
  {
    name: "bundler, condition workerd",
    module: "esnext",
    moduleResolution: "bundler",
    customConditions: ["workerd"],
    lib: ["es2023", "dom"],
  },
];

/** Answers pairs of what was checked and, where it failed, why. */
export async function checkTypes() {
  const project = new Project({ type: "module", folders: ["types"] });
  const found = [];
  try {
    await project.install();
    for (const { name, ...options } of SETTINGS) {
      const compilerOptions = {
        ...options,
        target: "es2022",
        noEmit: true,
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: false,
        types: [],
      };
      project.write("tsconfig.json", JSON.stringify({ compilerOptions, files: ["consumer.ts"] }));
      const what = `TypeScript, ${name}`;
      await project.run("npx tsc").then(
        () => found.push([what]),
        (error) => found.push([what, error.message]),
      );
    }
    // What is wrong must be seen as wrong.
    project.write("consumer.ts", 'import { dense } from "downhill";\ndense("many");\n');
    const refused = await project.run("npx tsc").then(
      () => "accepts a number of units that is none",
      (error) => (error.message.includes("TS2345") ? undefined : error.message),
    );
    found.push(["TypeScript, an error is found", refused]);
  } finally {
    project.remove();
  }
  return found;
}
