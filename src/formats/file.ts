// Files that are whole or not there: a process killed while it writes leaves the old one as it was.
import { host } from "#host";
import { EngineError } from "../core/errors.ts";
import type { FileSystem } from "../host/host.ts";

/** The file system. @throws EngineError where there is none, in the name of who asked. */
export async function fileSystem(where: string): Promise<FileSystem> {
  if (!host.files) throw new EngineError(`${where}: file system: got none, wanted Node, Deno or Bun`);
  return host.files();
}

/**
 * Replaces a file in one step: writes a temporary file in the same directory, flushes it to the disk, renames
 * it over the old one and flushes the directory. Keeps the old file's permissions and follows a symbolic link.
 * Needs Node (`EngineError` elsewhere); errors of the file system pass through, with the old file intact.
 * @example
 * await writeFileAtomically("digits.safetensors", writeSafetensors(tensors));
 */
export async function writeFileAtomically(path: string, bytes: Uint8Array): Promise<void> {
  const files = await fileSystem("writeFileAtomically");
  const target = await files.realpath(path).catch(() => path);
  const old = await files.stat(target).catch(() => undefined);
  const temporary = `${target}.${crypto.randomUUID()}.tmp`;
  try {
    const file = await files.open(temporary, "wx");
    try {
      if (old) await file.chmod(old.mode);
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await files.rename(temporary, target);
  } catch (error) {
    await files.rm(temporary, { force: true });
    throw error;
  }
  // Only the rename is at stake now, and Windows cannot open a directory.
  const directory = await files.open(target.replace(/[^/]*$/, "") || ".", "r").catch(() => undefined);
  await directory?.sync().catch(() => undefined);
  await directory?.close();
}

/** The bytes of a file. Needs Node (`EngineError` elsewhere); errors of the file system pass through. */
export async function readFile(path: string): Promise<Uint8Array> {
  return (await fileSystem("readFile")).readFile(path);
}
