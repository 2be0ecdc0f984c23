using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (services = [(name = "main", worker = .replay)]);

const replay :Workerd.Worker = (
  compatibilityDate = "2026-09-01",
  modules = [
    (name = "worker.js", esModule = embed "worker.js"),
    (name = "benchmark.js", esModule = embed "benchmark.js"),
    (name = "replay.js", esModule = embed "replay.js"),
    (name = "kernels.wasm", wasm = embed "build/kernels.wasm"),
    (name = "digits.program", data = embed "build/digits.program"),
  ],
);
