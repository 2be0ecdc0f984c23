// A plain copy of as many floats as an optimizer has parameters: the memory bandwidth that an update is held against.

export async function open() {
  return {
    version: process.version,
    threads: 1,
    instructionSet: "native",
    suites: { update: copy, optimizers: copy },
  };
}

function copy({ parameters }) {
  const source = new Float32Array(parameters).fill(1);
  const target = new Float32Array(parameters);
  return {
    bytes: 2 * 4 * parameters,
    run(count) {
      for (let i = 0; i < count; i++) target.set(source);
    },
  };
}
