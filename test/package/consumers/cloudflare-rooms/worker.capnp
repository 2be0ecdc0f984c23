# worker.capnp
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "main", worker = .main)],
  sockets = [(name = "http", address = "localhost:8080", http = (), service = "main")],
);
const main :Workerd.Worker = (
  compatibilityDate = "2026-11-01",
  modules = [
    (name = "worker.js", esModule = embed "dist/worker.js"),
    (name = "plain.wasm", wasm = embed "dist/plain.wasm"),
    (name = "relaxed.wasm", wasm = embed "dist/relaxed.wasm"),
    (name = "quantized-plain.wasm", wasm = embed "dist/quantized-plain.wasm"),
    (name = "quantized-relaxed.wasm", wasm = embed "dist/quantized-relaxed.wasm"),
  ],
);
