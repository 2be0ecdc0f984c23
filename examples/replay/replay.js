// The bare loop: brings a program file into a WebAssembly memory and runs what lies there. It knows the layout of the
// file (docs/replay.md) and nothing of how programs are made; a host in another language needs no more than these lines.
/** @param {WebAssembly.Module} module @param {Uint8Array} file */
export function load(module, file) {
  let at = 16; // Behind the first bytes, the version and the instruction set.
  const word = () => new DataView(file.buffer, file.byteOffset + (at += 4) - 4).getUint32(0, true);
  const bytes = (length = word()) => file.subarray(at, (at += (length + 3) & -4)).subarray(0, length);
  const text = () => new TextDecoder().decode(bytes());
  const list = (/** @type {() => any} */ read) => Array.from({ length: word() }, read);
  const record = (/** @type {() => any} */ read) => Object.fromEntries(list(() => [text(), read()]));
  const place = () => ({ role: word(), type: word(), address: word(), shape: list(word) });
  const pair = () => [word(), word()];
  const program = () => ({ steps: word(), mostSteps: word(), control: list(pair), places: record(place) });

  const [pages, firstSlot, , kernels] = [word(), word(), text(), list(text)];
  const programs = record(program);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const exports = /** @type {any} */ (new WebAssembly.Instance(module, { env: { memory } }).exports);
  list(() => new Uint8Array(memory.buffer, word()).set(bytes()));
  exports.table.grow(firstSlot + kernels.length - exports.table.length);
  for (const [index, name] of kernels.entries()) exports.table.set(firstSlot + index, exports[name]);
  const words = new Uint32Array(memory.buffer);
  const run = (/** @type {string} */ name, steps = 1) => {
    for (const [address, value] of programs[name].control) words[address / 4] = value;
    words[programs[name].steps / 4] = steps;
    exports.begin();
    return exports.proceed(); // 0: every step is done. 2: a loss was not finite.
  };
  return { memory, programs, run };
}
