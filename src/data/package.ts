// Where the files of an npm package lie that only brings data.
import { host } from "#host";
import { DataError } from "../core/errors.ts";

/** The folder of a package. Throws `DataError` where it is not installed, and where there is no file system. */
export function packageDirectory(what: string, name: string): string {
  if (!host.packageDirectory) throw new DataError(`${what}: file system: got none, wanted Node, Deno or Bun`);
  const directory = host.packageDirectory(name);
  if (directory !== undefined) return directory;
  throw new DataError(
    `${what}: npm package ${name}: got none, wanted it installed: npm install --save-dev ${name}, or give { directory }`,
  );
}
