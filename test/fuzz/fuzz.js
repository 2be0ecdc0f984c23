// Runs readers on cases, and judges them: an answer or one of our errors, soon, in little memory. Nothing else.
import { DownhillError } from "../../build/src/core/errors.js";
import { casesOf } from "./mutations.js";

/** Most that a case may leave behind before anything is collected, in bytes; and take, in milliseconds of this process. */
export const LIMITS = { bytes: 64 * 2 ** 20, milliseconds: 1000 };

function held() {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
function milliseconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** What is wrong with a reader on some bytes, or undefined. */
async function faultOf({ run }, bytes, limits) {
  const before = held();
  const start = milliseconds();
  try {
    await run(bytes);
  } catch (error) {
    if (!(error instanceof DownhillError)) return `threw ${error?.stack ?? error}`;
  }
  const took = milliseconds() - start;
  const grown = held() - before;
  if (took > limits.milliseconds) return `took ${Math.round(took)} ms`;
  if (grown > limits.bytes) return `left ${Math.round(grown / 2 ** 20)} MB behind`;
  return undefined;
}

/**
 * A reader on some bytes. Time and memory count only where they are as bad a second time: other threads work too, and what
 * is compiled or loaded at first is not the case's.
 */
export async function judge(reader, bytes, limits = LIMITS) {
  const fault = await faultOf(reader, bytes, limits);
  return fault?.startsWith("threw") || fault === undefined ? fault : faultOf(reader, bytes, limits);
}

/**
 * Runs a reader on its seeds, which it must take, then on cases: `prefixes` of the beginnings (all, if left out), then
 * `changes` changed ones, or as many as there is time for.
 * @param {object} reader
 * @param {{ seed?: number, prefixes?: number, changes?: number, until?: number, before?: (number: number) => void, limits?: object }} options
 */
export async function fuzz(reader, options = {}) {
  const { seed = 1, prefixes, changes = 0, until, before = () => {}, limits } = options;
  const faults = [];
  for (const [at, bytes] of reader.seeds.entries()) {
    try {
      await reader.run(bytes.slice());
    } catch (error) {
      faults.push({ number: -1, bytes, fault: `seed ${at} is refused: ${error.stack}` });
    }
  }
  const cases = casesOf(reader, seed);
  const numbers = function* () {
    const count = Math.min(prefixes ?? cases.prefixes, cases.prefixes);
    for (let k = 0; k < count; k++) yield Math.floor((k * cases.prefixes) / count);
    for (let k = 0; until === undefined ? k < changes : Date.now() < until; k++) yield cases.prefixes + k;
  };
  let count = 0;
  for (const number of numbers()) {
    before(number);
    const bytes = cases.at(number);
    const fault = await judge(reader, bytes, limits);
    if (fault) faults.push({ number, bytes: cases.at(number), fault });
    count++;
    // One fault shows in many cases.
    if (faults.length >= 5) break;
  }
  return { count, faults };
}
