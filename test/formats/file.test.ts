import { spawn } from "node:child_process";
import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readFile as read, writeFileAtomically } from "#src/formats/file";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "downhill-"));
});
afterEach(() => rm(directory, { recursive: true }));

test("writes a new file, replaces an old one, and leaves nothing else", async () => {
  const path = join(directory, "x.bin");
  await writeFileAtomically(path, Uint8Array.of(1, 2, 3));
  expect([...(await readFile(path))]).toEqual([1, 2, 3]);
  // A view of a larger buffer: only its own bytes.
  await writeFileAtomically(path, Uint8Array.of(9, 4, 5, 9).subarray(1, 3));
  expect([...(await readFile(path))]).toEqual([4, 5]);
  expect(await readdir(directory)).toEqual(["x.bin"]);
});

test("is a new file in the old one's place: who has the old one open keeps it whole", async () => {
  const path = join(directory, "x.bin");
  await writeFile(path, "old");
  const { ino } = await stat(path);
  await writeFileAtomically(path, new Uint8Array(1));
  expect((await stat(path)).ino).not.toBe(ino);
});

test.skipIf(process.platform === "win32")("keeps permissions and follows a link", async () => {
  const path = join(directory, "x.bin");
  const link = join(directory, "link.bin");
  await writeFile(path, "old");
  await chmod(path, 0o640);
  await symlink("x.bin", link);
  await writeFileAtomically(link, Uint8Array.of(7));
  expect([...(await readFile(path))]).toEqual([7]);
  expect((await stat(path)).mode & 0o777).toBe(0o640);
  expect((await readdir(directory)).sort()).toEqual(["link.bin", "x.bin"]);
});

test("fails with the file system's error and leaves nothing behind", async () => {
  await expect(writeFileAtomically(join(directory, "no", "x.bin"), new Uint8Array(1))).rejects.toThrow(
    /ENOENT/,
  );
  // A directory cannot be replaced by a file: the rename fails, after the writing.
  await writeFile(join(directory, "keep"), "");
  await expect(writeFileAtomically(directory, new Uint8Array(1))).rejects.toThrow();
  expect(await readdir(directory)).toEqual(["keep"]);
  expect(
    (await readdir(join(directory, ".."))).filter((name) =>
      name.startsWith(`${directory.split("/").at(-1)}.`),
    ),
  ).toEqual([]);
});

test("a process killed while it writes leaves a whole file", async () => {
  const path = join(directory, "x.bin");
  const size = 2 ** 22;
  const program = `
    import { readFile as read, writeFileAtomically } from ${JSON.stringify(new URL("../../build/src/formats/file.js", import.meta.url).href)};
    for (let i = 0; ; i = (i + 1) % 256) {
      await writeFileAtomically(${JSON.stringify(path)}, new Uint8Array(${size}).fill(i));
      process.stdout.write(".");
    }`;
  for (let round = 0; round < 6; round++) {
    const child = spawn(process.execPath, ["--input-type=module", "-e", program]);
    // Not by the clock: killed at some point of the write behind the first, second, … finished one.
    let written = 0;
    child.stdout.on("data", (dots: Buffer) => {
      written += dots.length;
      if (written > round) child.kill("SIGKILL");
    });
    const signal = await new Promise((resolve) => child.on("exit", (_, name) => resolve(name)));
    expect(signal).toBe("SIGKILL");
    const bytes = await readFile(path);
    expect(bytes.length).toBe(size);
    expect(bytes.equals(Buffer.alloc(size, bytes[0]))).toBe(true);
  }
});

test("what was written is read; a missing file is the file system's error", async () => {
  const path = join(directory, "x.bin");
  await writeFileAtomically(path, Uint8Array.of(1, 2, 3));
  expect([...(await read(path))]).toEqual([1, 2, 3]);
  await expect(read(join(directory, "y.bin"))).rejects.toThrow(/ENOENT/);
});
