// What the suite is to find on a runtime, check by check.

/** Numbers of threads that the suite tries, and the column of steps without promises. */
const THREADS = [1, 2, 3];
export const COLUMNS = [...THREADS.map(String), "sync"];
export const MODELS = ["mlp", "cnn", "gru"];

const ERRORS = {
  "inputs too short": "ShapeError",
  "inner sizes differ": "ShapeError",
  "no such number of threads": "OptionError",
  "no such numerics": "OptionError",
  "input not finite": "DataError",
  "batch not finite": "DataError",
  "no examples": "DataError",
  "file cut off": "FormatError",
  "parameters of another model": "ShapeError",
  "more memory than allowed": "MemoryError",
  "engine closed": "EngineError",
  "loss not finite": "NonFiniteError",
};
/** Of a gradient's length; see gradients.js. */
const GRADIENT_ERROR = 1e-3;
/** What 200 steps teach at least. */
const ACCURACY = { mlp: 0.87, cnn: 0.9, gru: 0.75 };

/**
 * What a runtime can do.
 * @typedef {object} Abilities
 * @property {boolean} threads Whether more than one.
 * @property {boolean} sync Whether an engine can be made without a promise.
 * @property {boolean} files Whether models can be saved to a path.
 * @property {"plain" | "relaxed"} fast The instruction set of fast numerics.
 * @property {boolean} wide
 */

/** The hashes of a result that are wanted of all others. */
export function hashesOf({ models, gradients }) {
  const of = ({ weights, predictions, file }) => ({ weights: weights[1], predictions: predictions[1], file });
  return {
    ...Object.fromEntries(MODELS.map((name) => [name, of(models[name])])),
    gradients: gradients.hash,
  };
}

/**
 * Checks of a result, by what they are of: for each a list of what was found that should not have been.
 * @param {any} result
 * @param {Abilities} abilities
 * @param {any} hashes
 */
export function judge(result, { threads, sync, files, fast, wide }, hashes) {
  const checks = [];
  const check = (part, what, good) => checks.push({ part, what, good });
  const can = (column) => (column === "sync" ? sync : column === "1" || threads);
  for (const name of MODELS) {
    const { weights, predictions, accuracy, file, saved } = result.models[name];
    for (const column of COLUMNS) {
      const wanted = can(column) ? hashes[name].weights : "EngineError";
      check(name, `weights, ${column}: ${weights[column]}, wanted ${wanted}`, weights[column] === wanted);
      const same = predictions[column] === (can(column) ? hashes[name].predictions : undefined);
      check("predict", `${name}, ${column}: ${predictions[column]}`, same);
    }
    check("predict", `${name}: accuracy ${accuracy}`, accuracy >= ACCURACY[name]);
    check("save, load", `${name}: bytes ${file}`, file === hashes[name].file);
    check("save, load", `${name}: loaded from bytes, it predicts otherwise`, saved.bytes === true);
    const wanted = files ? true : "EngineError";
    check("save, load", `${name}: a file: ${saved.file}, wanted ${wanted}`, saved.file === wanted);
  }
  const counts = THREADS.map((count) => (can(`${count}`) ? count : "EngineError")).join();
  check("threads", `${result.threads}, wanted ${counts}`, result.threads.join() === counts);
  check("gradients", result.gradients.hash, result.gradients.hash === hashes.gradients);
  for (const [op, error] of Object.entries(result.gradients.errors))
    check("gradients", `${op}: ${error} from the differences`, error < GRADIENT_ERROR);
  for (const [what, name] of Object.entries(ERRORS))
    check("errors", `${what}: ${result.errors[what]}, wanted ${name}`, result.errors[what] === name);
  check("errors", "after them the model predicts otherwise", result.unharmed);
  const { narrow } = result;
  check("fast", `${narrow.instructionSet}, wanted ${fast}`, narrow.instructionSet === fast);
  // One rounding less a step moves the loss a little.
  const drift = Math.abs(narrow.loss / result.models.mlp.loss - 1);
  check("fast", `its loss is ${drift} of the exact one away`, drift < 0.05);
  // Vectors joined in pairs give the same bits.
  const isSame = result.wide.weights === narrow.weights && result.wide.loss === narrow.loss;
  check("wide", JSON.stringify({ narrow, wide: result.wide }), result.wide.wide === wide && isSame);
  return checks;
}
