// One consumer tried: installed, built, and run with each program.
import { availableParallelism } from "node:os";
import { open } from "./browser.js";
import { Project } from "./project.js";

/** Every entry point, as an import map has to list them. */
const ROOMS = [
  "",
  "/compress",
  "/data",
  "/images",
  "/instruments",
  "/keras",
  "/layers",
  "/losses",
  "/minimize",
  "/onnx",
  "/optim",
  "/quantize",
  "/race",
  "/regularize",
  "/replay",
  "/standalone",
  "/tables",
  "/text",
  "/tflite",
  "/torch",
];

/** What a program says of its training. @throws where it did not learn. */
function learnt(said) {
  const [, before, after, answer, threads] =
    /^loss (\S+) → (\S+); 0 xor 1 is ([^\s;]+)(?:; threads (\d+))?$/.exec(said.trim()) ?? [];
  if (before === undefined) throw new Error(`says ${JSON.stringify(said)}`);
  if (!(Number(after) < Number(before) / 2)) throw new Error(`the loss does not fall: ${said}`);
  if (!(Math.abs(Number(answer) - 1) < 0.1)) throw new Error(`predicts ${answer}, wanted 1`);
  return { after, threads: Number(threads) };
}

/** Runs what is built; answers what it prints, shows or answers. A page that loads more than `most` compiled modules fails. */
async function result({ run, serve, page }, project, { isolated = false, most }) {
  if (run) {
    const { stdout, stderr } = await project.run(run);
    if (stderr !== "") throw new Error(`${run}: warns: ${stderr}`);
    return stdout;
  }
  const { address, close } = await serve(project, isolated);
  try {
    if (page) {
      const { said, modules } = await open(address, "loss ");
      // They are the larger part of the package, and a page needs one of many.
      if (modules.length > most)
        throw new Error(`loads ${modules.length} compiled modules, wanted ${most}: ${modules.join(", ")}`);
      if (modules.length === 0) throw new Error("loads no compiled module that is seen");
      return said;
    }
    const response = await fetch(address, { signal: AbortSignal.timeout(300_000) });
    if (!response.ok) throw new Error(`status ${response.status}: ${await response.text()}`);
    return await response.text();
  } finally {
    close();
  }
}

/**
 * Answers what came of each trial by its name: what to show of it, or a reason why it failed. Of a consumer that does
 * not come so far, the later ones are left out.
 */
export async function tryConsumer(consumer) {
  const { folders, build = [], imports, mapped, page, threads } = consumer;
  const trials = new Map();
  const project = new Project({ type: "module", folders });
  /** Fails the trial whose turn it was. */
  let trial = "installs";
  try {
    await project.install();
    trials.set(trial, { shown: "ok" });
    for (const program of ["xor.js", "rooms.js"]) {
      trial = "builds";
      project.choose(program, imports);
      if (program === "rooms.js" && consumer.rooms) project.add(consumer.rooms);
      const known = imports ?? ((room) => `downhill${room}`);
      if (mapped && program === "rooms.js")
        project.map(Object.fromEntries(ROOMS.map((room) => [known(room), mapped(room)])));
      for (const command of build) {
        const { stdout, stderr } = await project.run(command);
        // Of the other program webpack warns: it asks for packages that are not installed.
        if (program === "xor.js" && /warning/i.test(stdout + stderr))
          throw new Error(`${command} warns:\n${stdout}${stderr}`);
      }
      if (build.length > 0) trials.set(trial, { shown: "ok" });

      trial = program === "xor.js" ? "learns" : "every room";
      // Every room at work takes the kernels on bytes, a module to make a smaller one of, and exact arithmetic for its constants.
      const most = (consumer.most ?? 1) + (program === "xor.js" ? 0 : 3);
      const { after, threads: count } = learnt(await result(consumer, project, { most }));
      trials.set(trial, { shown: `loss ${Number(after).toPrecision(2)}` });
      if (program === "xor.js") continue;

      trial = "threads";
      let found = count;
      if (page) {
        if (count !== 1) throw new Error(`got ${count} in a page that cannot share memory, wanted 1`);
        if (threads) found = learnt(await result(consumer, project, { isolated: true, most })).threads;
      }
      const wanted = threads ? availableParallelism() : 1;
      if (found !== wanted) throw new Error(`got ${found}, wanted ${wanted}`);
      trials.set(trial, { shown: String(found) });
    }
  } catch (error) {
    trials.set(trial, { reason: error.message });
  } finally {
    project.remove();
  }
  return trials;
}
