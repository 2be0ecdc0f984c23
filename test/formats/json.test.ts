import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FormatError } from "#src/core/errors";
import { JsonScanner, quote } from "#src/formats/json";

const scan = (text: string): JsonScanner => new JsonScanner("json", text);

describe("strings", () => {
  test("are what JSON.stringify wrote, escaped or not", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.boolean(), (value, escaped) => {
        const json = JSON.stringify(value);
        const text = escaped
          ? json.replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
          : json;
        const scanner = scan(` ${text} `);
        expect(scanner.string()).toBe(value);
        scanner.end();
      }),
    );
  });

  test("know every escape", () => {
    expect(scan('"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDe00"').string()).toBe('"\\/\b\f\n\r\té😀');
  });

  test.each([
    ["", "json: character 0: got end of header, wanted a string"],
    ["'a'", `json: character 0: got "'", wanted a string`],
    ['"a', 'json: character 2: got end of header in a string, wanted "'],
    ['"a\nb"', "json: character 2: got a control character in a string, wanted an escape"],
    ['"\\x41"', 'json: character 2: got escape \\x, wanted one of \\" \\\\ \\/ \\b \\f \\n \\r \\t \\u'],
    ['"\\', 'json: character 2: got escape \\, wanted one of \\" \\\\ \\/ \\b \\f \\n \\r \\t \\u'],
    ['"\\u12g4"', "json: character 2: got \\u12g4, wanted four hexadecimal digits"],
    ['"\\u12"', 'json: character 2: got \\u12", wanted four hexadecimal digits'],
    ['"\\ud83d"', "json: character 0: got half of a surrogate pair, wanted well-formed Unicode"],
    ['"\\ude00\\ud83d"', "json: character 0: got half of a surrogate pair, wanted well-formed Unicode"],
  ])("%s is refused", (text, message) => {
    expect(() => scan(text).string()).toThrow(new FormatError(message));
  });
});

describe("integers", () => {
  test.each([0, 7, 10, 123456789, Number.MAX_SAFE_INTEGER])("%d is read", (value) => {
    const scanner = scan(`\t${value}\n`);
    expect(scanner.integer()).toBe(value);
    scanner.end();
  });

  test.each([
    ["-1", 'got "-", wanted an integer without sign, fraction or exponent'],
    ["+1", 'got "+", wanted an integer without sign, fraction or exponent'],
    ["1.0", 'got ".", wanted an integer without sign, fraction or exponent'],
    ["1e3", 'got "e", wanted an integer without sign, fraction or exponent'],
    ["1E3", 'got "E", wanted an integer without sign, fraction or exponent'],
    ['"1"', 'got "\\"", wanted an integer without sign, fraction or exponent'],
    ["null", 'got "n", wanted an integer without sign, fraction or exponent'],
    ["", "got end of header, wanted an integer without sign, fraction or exponent"],
    ["01", "got a leading zero, wanted an integer"],
    ["9007199254740992", "got 9007199254740992, wanted an integer up to 2^53 − 1"],
    ["9".repeat(400), `got ${"9".repeat(20)}, wanted an integer up to 2^53 − 1`],
  ])("%s is refused", (text, message) => {
    expect(() => scan(text).integer()).toThrow(new FormatError(`json: character 0: ${message}`));
  });
});

/** Reads objects of integers and arrays of integers. */
function read(text: string): unknown {
  const scanner = scan(text);
  const entries: [string, number[]][] = [];
  scanner.object((key) => {
    const items: number[] = [];
    scanner.array(() => items.push(scanner.integer()));
    entries.push([key, items]);
  });
  scanner.end();
  return entries;
}

describe("objects and arrays", () => {
  test("are read in order, with white space anywhere", () => {
    expect(read("{}")).toEqual([]);
    expect(read(' {\n"b" : [ ] ,\r\n"a":[1,\t2 ] } ')).toEqual([
      ["b", []],
      ["a", [1, 2]],
    ]);
    expect(read('{"__proto__":[1]}')).toEqual([["__proto__", [1]]]);
  });

  test.each([
    ['{"a":[],"a":[]}', 'character 8: got duplicate key "a", wanted one of each'],
    ['{"a":[], "\\u0061":[]}', 'character 9: got duplicate key "a", wanted one of each'],
    ['{"a":[],}', 'character 8: got "}", wanted a string'],
    ['{,"a":[]}', 'character 1: got ",", wanted a string'],
    ['{"a":[1,]}', 'character 8: got "]", wanted an integer without sign, fraction or exponent'],
    ['{"a":[1 2]}', 'character 8: got "2", wanted , or ]'],
    ['{"a":[1}', 'character 7: got "}", wanted , or ]'],
    ['{"a" [1]}', 'character 5: got "[", wanted :'],
    ['{"a":[]', "character 7: got end of header, wanted , or }"],
    ["{a:[]}", 'character 1: got "a", wanted a string'],
    ['{"a":{}}', 'character 5: got "{", wanted ['],
    ["[]", 'character 0: got "[", wanted {'],
    ["", "character 0: got end of header, wanted {"],
    ["{} {}", 'character 3: got "{", wanted the end of the header'],
    ["{}\u00a0", 'character 2: got "\u00a0", wanted the end of the header'],
    ["\ufeff{}", 'character 0: got "\ufeff", wanted {'],
    ["/**/{}", 'character 0: got "/", wanted {'],
  ])("%s is refused", (text, message) => {
    expect(() => read(text)).toThrow(new FormatError(`json: ${message}`));
  });
});

test("names in messages are cut", () => {
  expect(quote('a"b')).toBe('"a\\"b"');
  expect(quote("x".repeat(1000))).toBe(`"${"x".repeat(100)}…"`);
});
