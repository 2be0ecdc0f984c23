// The memory planner: when each value lives, and where, so that values which never live together share bytes.
import { ALIGNMENT } from "../../assembly/abi.ts";
import { ACTIVATIONS, accesses, type Instruction, type Place } from "./instruction.ts";

/** From a value's first touch to its last, in instruction numbers. */
interface Life {
  readonly places: Place[];
  first: number;
  last: number;
  readonly bytes: number;
}

/** Values of a page or more are kept off each other's offsets modulo 4 KiB: loads behind stores there are slow. */
const PAGE = 4096;
const STAGGER = 5 * ALIGNMENT;

/** Sets the offset of every planned place; answers the bytes that they take together. */
export function plan(list: readonly Instruction[]): number {
  const lives = livesOf(list);
  shareInPlace(list, lives);
  const placed: Life[] = [];
  let total = 0;
  for (const life of [...new Set(lives.values())].sort((a, b) => b.bytes - a.bytes || a.first - b.first)) {
    const offset = firstFit(life, placed);
    for (const place of life.places) place.offset = offset;
    placed.push(life);
    total = Math.max(total, offset + room(life));
  }
  return total;
}

/** Bytes that a life takes up, with what keeps its neighbour apart. */
function room({ bytes }: Life): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT + (bytes >= PAGE ? STAGGER : 0);
}

function firstFit(life: Life, placed: readonly Life[]): number {
  const taken = placed
    .filter((other) => other.first <= life.last && life.first <= other.last)
    .map((other) => [other.places[0]!.offset, other.places[0]!.offset + room(other)] as const)
    .sort((a, b) => a[0] - b[0]);
  let offset = 0;
  for (const [start, end] of taken) {
    if (start - offset >= room(life)) break;
    offset = Math.max(offset, end);
  }
  return offset;
}

function livesOf(list: readonly Instruction[]): Map<Place, Life> {
  const lives = new Map<Place, Life>();
  for (const [at, each] of list.entries()) {
    for (const { place } of accesses(each)) {
      if (place.region !== ACTIVATIONS) continue;
      const life = lives.get(place);
      if (life) life.last = at;
      else lives.set(place, { places: [place], first: at, last: at, bytes: place.bytes });
    }
  }
  return lives;
}

/** An elementwise result takes the memory of an input that nobody needs afterwards. */
function shareInPlace(list: readonly Instruction[], lives: Map<Place, Life>): void {
  for (const [at, { head, operands, fused, locals }] of list.entries()) {
    const read = new Set(
      operands.map((operand) =>
        typeof operand === "object" && "buffer" in operand ? operand.buffer : undefined,
      ),
    );
    for (const [index, { y, inputs }] of fused.entries()) {
      // An update's y is no planned value: it has no life.
      const target = lives.get(y);
      if (!target || locals.has(y) || target.first !== at || target.places.length > 1) continue;
      const donor = inputs.find(({ place, period }) => {
        const life = lives.get(place);
        const later = fused
          .slice(index + 1)
          .some((other) => other.inputs.some((input) => input.place === place));
        const alone = fused.every(({ inputs: all }) =>
          all.every((input) => input.place !== place || input.period === 0),
        );
        const free = place === head?.place || !read.has(place);
        return (
          period === 0 &&
          life &&
          life.last === at &&
          life.bytes === y.bytes &&
          !later &&
          alone &&
          free &&
          life !== target
        );
      });
      const life = donor && lives.get(donor.place);
      if (
        !life ||
        fused
          .slice(index + 1)
          .some((other) => life.places.some((place) => other.inputs.some((input) => input.place === place)))
      )
        continue;
      life.places.push(y);
      life.last = Math.max(life.last, target.last);
      lives.set(y, life);
    }
  }
}
