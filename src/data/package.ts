// Where the files of an npm package lie that only brings data.
import { DataError } from "../core/errors.ts";

/**
 * The folder of a package. Looks beside this package first, then from the working directory: a linked package has other
 * neighbours. Throws `DataError` where it is not installed, and where there is no file system.
 */
export async function packageDirectory(what: string, name: string): Promise<string> {
  const { createRequire } = await import("node:module").catch((cause) => {
    throw new DataError(`${what}: file system: got none, wanted Node`, { cause });
  });
  for (const from of [import.meta.url, `${process.cwd()}/`]) {
    try {
      return createRequire(from).resolve(`${name}/package.json`).slice(0, -"/package.json".length);
    } catch {
      // Not from here.
    }
  }
  throw new DataError(
    `${what}: npm package ${name}: got none, wanted it installed: npm install --save-dev ${name}, or give { directory }`,
  );
}
