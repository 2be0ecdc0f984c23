// xor.js
import { adam, dense, meanSquaredError, sequential, train } from "downhill";
import { dataset } from "downhill/data";

export async function learn() {
  const inputs = [0, 1, 2, 3].map((i) => [i >> 1, i & 1]);
  const data = dataset({ inputs, targets: inputs.map(([a, b]) => [a ^ b]) });
  const model = sequential({ input: [2] }, dense(8, { activation: "tanh" }), dense(1));
  const optimizer = adam({ learningRate: 0.05 });
  const { history } = await train(model, { data, loss: meanSquaredError, optimizer, epochs: 200, seed: 1 });
  const [answer] = await model.predict([0, 1]);
  return `loss ${history[0].loss} → ${history.at(-1).loss}; 0 xor 1 is ${answer}`;
}
