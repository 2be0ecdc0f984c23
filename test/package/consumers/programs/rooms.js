// Every entry point at work. It takes the place of xor.js in the second run of each consumer.
import * as downhill from "downhill";
import * as compress from "downhill/compress";
import * as data from "downhill/data";
import * as images from "downhill/images";
import * as instruments from "downhill/instruments";
import * as keras from "downhill/keras";
import * as layers from "downhill/layers";
import * as losses from "downhill/losses";
import * as minimize from "downhill/minimize";
import * as onnx from "downhill/onnx";
import * as optim from "downhill/optim";
import * as quantize from "downhill/quantize";
import * as race from "downhill/race";
import * as regularize from "downhill/regularize";
import * as replay from "downhill/replay";
import * as standalone from "downhill/standalone";
import * as tables from "downhill/tables";
import * as text from "downhill/text";
import * as tflite from "downhill/tflite";
import * as torch from "downhill/torch";

/** What goes wrong is said by its name, so that a failure says which room it was. */
function check(room, good) {
  if (!good) throw new Error(`rooms.js: ${room} does not do what it says`);
}

/** Points of a square, and whether their coordinates have different signs. */
function quadrants(side) {
  const place = (i) => ((i + 0.5) / side) * 2 - 1;
  const points = Array.from({ length: side * side }, (_, i) => [
    place(i % side),
    place(Math.floor(i / side)),
  ]);
  return data.dataset({ inputs: points, labels: points.map(([x, y]) => (x * y < 0 ? 1 : 0)) });
}

async function checkRooms() {
  const image = images.resizeImage(
    { values: new Float32Array(16).fill(2), height: 4, width: 4, channels: 1 },
    [2, 2],
  );
  check("images", image.values.length === 4 && image.values[3] === 2);
  const [profile] = race.performanceProfile(new Map([["adam", [100, 80]]]));
  check("race", profile !== undefined && race.entrants().length > 5);
  check("text", text.vocabulary(["the whale", "the sea"]).encode("the sea").length === 2);
  const peer = await tables.readTable(tables.csvRows("age\n35\n")).catch((error) => error);
  // Not installed here: that is an error with a way out, not a build that fails.
  check("tables", peer instanceof downhill.DataError && peer.message.includes("npm install papaparse"));
  const { reason } = minimize.minimizeSync(minimize.rosenbrock(), [-1.2, 1], minimize.lbfgs());
  check("minimize", reason === "converged");
  const small = downhill.sequential({ input: [2] }, downhill.dense(1));
  await small.initialize();
  const file = replay.readPrograms(replay.writePrograms({ predict: replay.predictionProgram(small) }));
  check("replay", file.programs.get("predict").places.get("output").shape.length === 2);
  const written = await onnx.toOnnx(small, { metadata: { license: "MIT" } });
  // The first field is the version of the format.
  check(
    "onnx",
    written[0] === 8 && written[1] === 8 && new TextDecoder().decode(written).includes("license"),
  );
  const exchanged = torch.toPyTorch(small, { names: ["fc"] });
  torch.fromPyTorch(small, exchanged, { names: { dense: "fc" } });
  check("torch", new TextDecoder().decode(exchanged).includes('"fc.weight"'));
  const repeat = {
    class_name: "RepeatVector",
    config: { name: "again", n: 2, batch_input_shape: [null, 3] },
  };
  const topology = { class_name: "Sequential", config: [repeat] };
  const imported = keras.fromKeras({ modelTopology: topology, weightsManifest: [] }, new Uint8Array());
  check("keras", imported.outputShape.join() === "2,3");
  const compiled = await standalone.compileModel(small).catch((error) => error);
  // The edge has the kernels compiled, and says so.
  const compiles =
    compiled.code?.includes("export async function load") ?? compiled.message.includes("bytes");
  check("standalone", compiles);
  const wide = downhill.sequential({ input: [2] }, downhill.dense(6), downhill.dense(1));
  await wide.initialize();
  const thin = await compress.lowRank(compress.shrink(wide, { ratio: 0.5 }), {
    rank: 1,
    parameters: "dense.weight",
  });
  check("compress", wide.parameterCount === 25 && thin.parameterCount === 12);
  const [score] = await small.predict([0.5, -0.5]);
  const halves = await quantize.quantize(small, { weights: "f16" });
  check("quantize", halves.bytes === 6 && Math.abs((await halves.predict([0.5, -0.5]))[0] - score) < 0.01);
  const quarter = await quantize.quantize(small, { calibration: [-1, 0.5, 0.25, 1] }).then(
    async (model) => (await model.predict([0.5, -0.5]))[0],
    (error) => error.message,
  );
  // Slim takes the kernels on bytes only from who brings them.
  const near =
    typeof quarter === "string" ? quarter.includes("wanted init(") : Math.abs(quarter - score) < 0.1;
  check("quantize", near);
  const lite = await tflite.toTflite(small, { activation: "sigmoid" });
  check("tflite", String.fromCharCode(...lite.subarray(4, 8)) === "TFL3");
  const back = await onnx.fromOnnx(written);
  const [there, here] = [await small.predict([1, 2]), await back.predict([1, 2])];
  check("onnx", there[0] === here[0] && back.parameterCount === 3);
  let error;
  try {
    // From another file than the class: the files share what they have in common.
    layers.conv2d(-1, 3);
  } catch (thrown) {
    error = thrown;
  }
  check("errors", error instanceof downhill.OptionError && error instanceof downhill.DownhillError);
}

/** Work enough for an engine's threads to take part in it. */
export async function learn() {
  await checkRooms();
  const engine = await downhill.createEngine();
  const model = downhill.sequential(
    { input: [2] },
    downhill.dense(64, { activation: "tanh" }),
    layers.layerNorm(),
    downhill.dense(64, { activation: "tanh" }),
    downhill.dense(2),
  );
  const observed = [];
  const { history } = await downhill.train(model, {
    engine,
    data: quadrants(32),
    loss: regularize.labelSmoothing(0.01),
    metrics: [losses.f1()],
    optimizer: optim.lion({ learningRate: 1e-3 }),
    batchSize: 256,
    epochs: 20,
    seed: 1,
    callbacks: [instruments.onPlateau({ observe: (loss) => observed.push(loss) }, { monitor: "loss" })],
  });
  check("instruments", observed.length === history.length);
  const [no, yes] = await model.predict([-0.6, 0.6], { engine });
  const { threads } = engine;
  await engine.close();
  const answer = 1 / (1 + Math.exp(no - yes));
  return `loss ${history[0].loss} → ${history.at(-1).loss}; 0 xor 1 is ${answer}; threads ${threads}`;
}
