// What a file can be read from, piece by piece: text, bytes, streams, paths, addresses.
import { DataError, FormatError } from "../core/errors.ts";
import { fileSystem } from "../formats/file.ts";

/**
 * A string with a line break is the file itself; one without is a path, or an address that begins with http: or https:.
 * A stream can be read once; a function that opens it, as often as it is called.
 */
export type FileSource =
  | string
  | URL
  | Uint8Array
  | Blob
  | ReadableStream<Uint8Array | string>
  | AsyncIterable<Uint8Array | string>
  | (() => AsyncIterable<Uint8Array | string> | ReadableStream<Uint8Array | string>);

/** Characters a piece of a text that is there as a whole. */
const PIECE = 1 << 16;

/** The pieces of a file. Throws `DataError` where it cannot be opened. */
async function* piecesOf(
  what: string,
  source: FileSource,
): AsyncGenerator<Uint8Array | string, void, undefined> {
  if (typeof source === "function") yield* piecesOf(what, source());
  else if (typeof source === "string" && /[\r\n]/.test(source)) {
    for (let at = 0; at < source.length; at += PIECE) yield source.slice(at, at + PIECE);
  } else if (source instanceof Uint8Array) {
    for (let at = 0; at < source.length; at += PIECE) yield source.subarray(at, at + PIECE);
  } else if (source instanceof Blob) yield* piecesOf(what, source.stream());
  else if (typeof source === "string" || source instanceof URL) yield* opened(what, source);
  else if (Symbol.asyncIterator in source) yield* source;
  else {
    // Safari's streams are not iterable.
    const reader = (source as ReadableStream<Uint8Array | string>).getReader();
    try {
      for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
    } finally {
      await reader.cancel();
    }
  }
}

/** The text of a file of these bytes. Throws `FormatError` for bytes that are no text. */
export async function* textOf(
  what: string,
  source: FileSource,
  encoding: string,
): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder(encoding, { fatal: true });
  const decode = (piece?: Uint8Array): string => {
    try {
      return decoder.decode(piece, { stream: piece !== undefined });
    } catch (cause) {
      throw new FormatError(`${what}: got bytes that are no ${encoding}, wanted text, or its { encoding }`, {
        cause,
      });
    }
  };
  for await (const piece of piecesOf(what, source)) yield typeof piece === "string" ? piece : decode(piece);
  yield decode();
}

async function* opened(what: string, source: string | URL): AsyncGenerator<Uint8Array, void, undefined> {
  const failed = (cause?: unknown): never => {
    throw new DataError(`${what}: got no file ${String(source)}, wanted one that can be read`, { cause });
  };
  if (/^https?:/.test(String(source))) {
    const response = await fetch(source).catch(failed);
    if (!response.ok) failed(new Error(`status ${response.status}`));
    if (response.body) yield* piecesOf(what, response.body) as AsyncGenerator<Uint8Array>;
    return;
  }
  const files = await fileSystem(what).catch(failed);
  const file = await files.open(source).catch(failed);
  try {
    yield* file.createReadStream({ autoClose: false });
  } finally {
    await file.close();
  }
}
