// An engine's one linear memory, and its allocator: first fit, neighbours joined when freed.
import { ALIGNMENT } from "../../assembly/abi.ts";
import { MemoryError } from "../core/errors.ts";

/** A stretch of memory. */
export interface Block {
  readonly address: number;
  readonly bytes: number;
}

/** Bytes by which a WebAssembly memory grows. */
export const PAGE = 65_536;
/** Pages of a shared memory at its start: 128 MiB. */
const SHARED_PAGES = 2048;
/** Blocks of a page or more begin at different offsets modulo 4 KiB, or loads behind stores would be slow. */
const STAGGER = 5 * ALIGNMENT;

/** A memory that may grow to the limit, or to less where the runtime refuses to promise so much, as iOS does. */
export function createMemory(
  limit: number,
  shared: boolean,
): { memory: WebAssembly.Memory; memoryLimit: number } {
  let maximum = Math.floor(limit / PAGE);
  for (;;) {
    // Pages cost nothing until they are touched, and growth of shared memory has to reach every thread: so there is little.
    const initial = shared ? Math.min(maximum, SHARED_PAGES) : 1;
    try {
      const memory = new WebAssembly.Memory({ initial, maximum, shared });
      return { memory, memoryLimit: Math.min(limit, maximum * PAGE) };
    } catch {
      if (maximum === 1)
        throw new MemoryError("createEngine: memory: the runtime refuses a single page", PAGE, 0);
      maximum >>= 1;
    }
  }
}

/** Hands out stretches of a WebAssembly memory and grows it when it must. */
export class Allocator {
  readonly memory: WebAssembly.Memory;
  readonly limit: number;
  /** Free stretches, by address. */
  #free: Block[] = [];
  #end: number;
  /** Where memory begins that nobody has had yet: it is zero as it comes, and costs time only when it is touched. */
  #fresh: number;
  #used = 0;

  /** Everything from `base` on is the allocator's, up to `limit` bytes in all. */
  constructor(memory: WebAssembly.Memory, base: number, limit: number) {
    this.memory = memory;
    this.limit = limit;
    this.#end = Math.ceil(base / ALIGNMENT) * ALIGNMENT;
    this.#fresh = this.#end;
  }

  /** Bytes handed out. */
  get used(): number {
    return this.#used;
  }

  /** A stretch of at least so many bytes, zeroed. @throws MemoryError where the limit does not allow it. */
  allocate(wanted: number, what: string): Block {
    // Never nothing: two blocks at one address could not be told apart when they are given back.
    const lines = Math.max(1, Math.ceil(wanted / ALIGNMENT));
    const bytes = lines * ALIGNMENT + (wanted >= 4096 ? STAGGER : 0);
    const at = this.#free.findIndex((hole) => hole.bytes >= bytes);
    const hole = this.#free[at];
    const block = { address: hole?.address ?? this.#end, bytes };
    const end = block.address + bytes;
    if (hole) {
      const rest = { address: hole.address + bytes, bytes: hole.bytes - bytes };
      this.#free.splice(at, 1, ...(rest.bytes > 0 ? [rest] : []));
    } else {
      this.#extend(end, bytes, what);
    }
    this.#used += bytes;
    const used = Math.max(0, Math.min(bytes, this.#fresh - block.address));
    new Uint8Array(this.memory.buffer, block.address, used).fill(0);
    this.#fresh = Math.max(this.#fresh, end);
    return block;
  }

  free(block: Block): void {
    this.#used -= block.bytes;
    const at = this.#free.findIndex((hole) => hole.address > block.address);
    this.#free.splice(at < 0 ? this.#free.length : at, 0, block);
    this.#free = this.#free.reduce<Block[]>((joined, hole) => {
      const last = joined.at(-1);
      if (last && last.address + last.bytes === hole.address) {
        joined[joined.length - 1] = { address: last.address, bytes: last.bytes + hole.bytes };
      } else joined.push(hole);
      return joined;
    }, []);
    const last = this.#free.at(-1);
    if (last && last.address + last.bytes === this.#end) {
      this.#end = last.address;
      this.#free.pop();
    }
  }

  #extend(end: number, bytes: number, what: string): void {
    const fail = () => {
      const allowed = this.limit - this.#used;
      return new MemoryError(
        `${what}: needs ${bytes} bytes, ${allowed} of ${this.limit} are left`,
        bytes,
        allowed,
      );
    };
    if (end > this.limit) throw fail();
    const missing = end - this.memory.buffer.byteLength;
    if (missing > 0) {
      try {
        this.memory.grow(Math.ceil(missing / PAGE));
      } catch {
        throw fail();
      }
    }
    this.#end = end;
  }
}
