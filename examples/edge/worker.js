// A worker that learns from the digits it is sent. POST /learn, POST /predict, GET and PUT /weights, GET /status.
import { DownhillError } from "downhill";
import { CLASSES, learn, PIXELS, predict, restore, status, weights } from "./learner.js";

/** Most digits of a request, and most bytes of one: what they cost stays within a request's time. */
const DIGITS = 32;
const BODY = 256 * 1024;

/** What a client did wrong: answered, not thrown any further. */
class RequestError extends Error {
  /** @param {string} message */
  constructor(message, status = 400, headers = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/**
 * What was sent, as it is told to who sent it.
 * @param {unknown} value
 */
function shown(value) {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

/**
 * The body, read no further than it may be long, whatever its headers say.
 * @param {Request} request
 */
async function body(request) {
  const parts = [];
  let length = 0;
  for await (const part of request.body ?? []) {
    length += part.length;
    if (length > BODY) throw new RequestError(`body: got more than ${BODY} bytes, wanted up to ${BODY}`, 413);
    parts.push(part);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** @param {Request} request */
async function json(request) {
  const text = new TextDecoder().decode(await body(request));
  try {
    return JSON.parse(text);
  } catch {
    throw new RequestError(`body: got ${text === "" ? "nothing" : "what is no JSON"}, wanted JSON`);
  }
}

/**
 * @param {string} where
 * @param {any} digit
 */
function checkPixels(where, digit) {
  if (typeof digit !== "object" || digit === null)
    throw new RequestError(`${where}: got ${shown(digit)}, wanted an object with pixels`);
  const { pixels } = digit;
  if (!Array.isArray(pixels) || pixels.length !== PIXELS)
    throw new RequestError(`${where}: pixels: got ${shown(pixels)}, wanted a list of ${PIXELS}`);
  const wrong = pixels.findIndex((byte) => !(Number.isInteger(byte) && byte >= 0 && byte <= 255));
  if (wrong >= 0) {
    throw new RequestError(
      `${where}: pixel ${wrong}: got ${shown(pixels[wrong])}, wanted an integer from 0 to 255`,
    );
  }
}

/**
 * @param {string} where
 * @param {any} digit
 */
function checkDigit(where, digit) {
  checkPixels(where, digit);
  const { label } = digit;
  if (!(Number.isInteger(label) && label >= 0 && label < CLASSES))
    throw new RequestError(
      `${where}: label: got ${shown(label)}, wanted an integer from 0 to ${CLASSES - 1}`,
    );
}

/**
 * Who answers what: the path, then the method.
 * @type {Record<string, Record<string, (request: Request) => Promise<Response>>>}
 */
const routes = {
  "/learn": {
    async POST(request) {
      const sent = await json(request);
      const digits = Array.isArray(sent) ? sent : [sent];
      if (digits.length < 1 || digits.length > DIGITS)
        throw new RequestError(`digits: got ${digits.length}, wanted 1 to ${DIGITS}`);
      // All are looked at before the first is learned from.
      for (const [index, digit] of digits.entries()) checkDigit(`digit ${index}`, digit);
      return Response.json({ learned: digits.map(learn), ...status() });
    },
  },
  "/predict": {
    async POST(request) {
      const digit = await json(request);
      checkPixels("digit", digit);
      return Response.json(predict(digit.pixels));
    },
  },
  "/weights": {
    async GET() {
      return new Response(weights(), { headers: { "content-type": "application/octet-stream" } });
    },
    async PUT(request) {
      if (!restore(await body(request)))
        throw new RequestError("weights: got some that are not finite, wanted finite numbers");
      return Response.json(status());
    },
  },
  "/status": {
    async GET() {
      return Response.json(status());
    },
  },
};

/**
 * @param {Request} request
 * @returns {Promise<Response>}
 */
async function answer(request) {
  const { pathname } = new URL(request.url);
  const methods = Object.hasOwn(routes, pathname) ? routes[pathname] : undefined;
  if (!methods) {
    throw new RequestError(`path: got ${pathname}, wanted one of ${Object.keys(routes).join(", ")}`, 404);
  }
  const handler = Object.hasOwn(methods, request.method) ? methods[request.method] : undefined;
  if (!handler) {
    const allow = Object.keys(methods).join(", ");
    throw new RequestError(`method: got ${request.method}, wanted ${allow}`, 405, { allow });
  }
  return handler(request);
}

export default {
  /** @param {Request} request */
  async fetch(request) {
    try {
      return await answer(request);
    } catch (error) {
      if (error instanceof RequestError)
        return Response.json({ error: error.message }, { status: error.status, headers: error.headers });
      // What downhill throws is typed, says what was got and wanted, and leaves everything as it was.
      if (error instanceof DownhillError) return Response.json({ error: error.message }, { status: 400 });
      console.error(error);
      return Response.json({ error: "the worker has failed" }, { status: 500 });
    }
  },
};
