// Reads digits with what write.js has made, in Node, Deno or Bun: node examples/standalone/node.js
import { mnist } from "downhill/data"; // for the images alone

const { load } = await import(new URL("build/digits.js", import.meta.url).href);
const digits = await load(new URL("build/digits.weights", import.meta.url));
const { inputs, labels } = (await mnist()).test.take(1000);
const scores = digits.predict(Float32Array.from(inputs.values, (byte) => byte / 255).subarray(0, 784_000));

const read = Array.from({ length: 1000 }, (_, i) => scores.subarray(10 * i, 10 * i + 10)).map((row) =>
  row.indexOf(Math.max(...row)),
);
console.log(`read ${read.filter((digit, i) => digit === labels?.values[i]).length} of 1000 digits right`);
