// A strict scanner of the JSON that file headers are made of: objects, arrays, strings and whole numbers.
// JSON.parse will not do: it keeps the last of duplicate keys, rounds large integers, and builds the whole
// tree before anybody can refuse it. Here the caller asks for what it expects and nothing else is built.
import { FormatError } from "../core/errors.ts";

const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

/** Reads a text from front to back; everything unexpected is a `FormatError` with its position. */
export class JsonScanner {
  readonly #name: string;
  readonly #text: string;
  #at = 0;

  /** `name` opens every message. */
  constructor(name: string, text: string) {
    this.#name = name;
    this.#text = text;
  }

  /** Reads an object; `value` is called after each key and must read what belongs to it. */
  object(value: (key: string) => void): void {
    const seen = new Set<string>();
    this.#list("{", "}", () => {
      const start = this.#at;
      const key = this.string();
      if (seen.has(key)) throw this.error(`duplicate key ${quote(key)}`, "one of each", start);
      seen.add(key);
      this.#expect(":");
      value(key);
    });
  }

  /** Reads an array; `item` is called before each item and must read it. */
  array(item: () => void): void {
    this.#list("[", "]", item);
  }

  /** Reads a string that is well-formed Unicode. */
  string(): string {
    this.#expect('"', "a string");
    const start = this.#at - 1;
    let value = "";
    let from = start + 1;
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined) throw this.error("end of header in a string", '"');
      if (character < " ") throw this.error("a control character in a string", "an escape");
      if (character !== '"' && character !== "\\") {
        this.#at++;
        continue;
      }
      value += this.#text.slice(from, this.#at++);
      if (character === '"') break;
      value += this.#escape();
      from = this.#at;
    }
    // Only \u escapes can bring half of a surrogate pair; written out again it would become another name.
    if (/\p{Surrogate}/u.test(value))
      throw this.error("half of a surrogate pair", "well-formed Unicode", start);
    return value;
  }

  /** Reads a whole number from 0 to 2^53 − 1, without sign, fraction or exponent. */
  integer(): number {
    this.#space();
    const start = this.#at;
    while (isDigit(this.#text[this.#at])) this.#at++;
    const digits = this.#text.slice(start, this.#at);
    const next = this.#text[this.#at];
    if (digits === "" || next === "." || next === "e" || next === "E") {
      throw this.error(this.#found(), "an integer without sign, fraction or exponent", start);
    }
    if (digits.length > 1 && digits[0] === "0") throw this.error("a leading zero", "an integer", start);
    if (Number(digits) > Number.MAX_SAFE_INTEGER) {
      throw this.error(digits.slice(0, 20), "an integer up to 2^53 − 1", start);
    }
    return Number(digits);
  }

  /** Reads the end: nothing but white space may be left. */
  end(): void {
    this.#space();
    if (this.#at < this.#text.length) throw this.error(this.#found(), "the end of the header");
  }

  /** The error for what stands before the scanner, or at `at`. */
  error(got: string, wanted: string, at = this.#at): FormatError {
    return new FormatError(`${this.#name}: character ${at}: got ${got}, wanted ${wanted}`);
  }

  #list(open: string, close: string, item: () => void): void {
    this.#expect(open);
    this.#space();
    if (this.#text[this.#at] === close) {
      this.#at++;
      return;
    }
    for (;;) {
      this.#space();
      item();
      this.#space();
      const character = this.#text[this.#at];
      if (character !== "," && character !== close) throw this.error(this.#found(), `, or ${close}`);
      this.#at++;
      if (character === close) return;
    }
  }

  #escape(): string {
    const character = this.#text[this.#at] ?? "";
    if (character === "u") {
      const code = this.#text.slice(this.#at + 1, this.#at + 5);
      if (!/^[0-9a-fA-F]{4}$/.test(code)) throw this.error(`\\u${code}`, "four hexadecimal digits");
      this.#at += 5;
      return String.fromCharCode(Number.parseInt(code, 16));
    }
    const value = Object.hasOwn(escapes, character) ? escapes[character] : undefined;
    if (value === undefined)
      throw this.error(`escape \\${character}`, 'one of \\" \\\\ \\/ \\b \\f \\n \\r \\t \\u');
    this.#at++;
    return value;
  }

  #expect(character: string, wanted = character): void {
    this.#space();
    if (this.#text[this.#at] !== character) throw this.error(this.#found(), wanted);
    this.#at++;
  }

  #space(): void {
    for (;;) {
      const character = this.#text[this.#at];
      if (character !== " " && character !== "\n" && character !== "\r" && character !== "\t") return;
      this.#at++;
    }
  }

  #found(): string {
    const character = this.#text[this.#at];
    return character === undefined ? "end of header" : JSON.stringify(character);
  }
}

/** A name for a message: quoted, and cut where a hostile file made it long. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}

function isDigit(character: string | undefined): boolean {
  return character !== undefined && character >= "0" && character <= "9";
}
