// From bytes to a module, and why that may be refused.
import { EngineError } from "../core/errors.ts";

/** Compiles a module. @throws EngineError where the bytes are none, or the page's policy forbids it. */
export const compileBytes = (bytes: BufferSource): Promise<WebAssembly.Module> =>
  WebAssembly.compile(bytes).catch(refused);

/** The same while the bytes arrive, for a response of type application/wasm. */
export const compileStreaming = (response: Response): Promise<WebAssembly.Module> =>
  WebAssembly.compileStreaming(response).catch(refused);

function refused(cause: Error): never {
  // No standard says how browsers put it; each names one of these.
  const policy = /unsafe-eval|content.security|\bCSP\b/i.test(cause.message);
  throw new EngineError(
    policy
      ? "engine: content-security policy: got one that forbids WebAssembly, wanted script-src with 'wasm-unsafe-eval'"
      : `engine: module: got what cannot be compiled: ${cause.message}`,
    { cause },
  );
}
