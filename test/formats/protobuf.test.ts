// Protocol buffers byte by byte, by the examples of the format's own description and by hand.
import { expect, test } from "vitest";
import { ProtobufMessage } from "#src/formats/protobuf";

const hex = (message: ProtobufMessage) => Buffer.from(message.toBytes()).toString("hex");
const message = () => new ProtobufMessage();

test("whole numbers are seven bits a byte, the lowest first", () => {
  expect(hex(message().integer(1, 150))).toBe("089601");
  expect(hex(message().integer(1, 0))).toBe("0800");
  expect(hex(message().integer(1, 127))).toBe("087f");
  expect(hex(message().integer(1, 128))).toBe("088001");
  // 2³² and the largest safe one: beyond what shifts of 32 bits reach.
  expect(hex(message().integer(1, 2 ** 32))).toBe("088080808010");
  expect(hex(message().integer(1, Number.MAX_SAFE_INTEGER))).toBe("08ffffffffffffff0f");
  expect(hex(message().integer(1, 2n ** 63n - 1n))).toBe("08ffffffffffffffff7f");
});

test("below zero they take ten bytes", () => {
  expect(hex(message().integer(1, -1))).toBe("08ffffffffffffffffff01");
  expect(hex(message().integer(1, -2))).toBe("08feffffffffffffffff01");
});

test("a field's number may take more than a byte", () => {
  expect(hex(message().integer(16, 1))).toBe("800101");
  expect(hex(message().integer(20, 7))).toBe("a00107");
});

test("floats are four bytes, the lowest first", () => {
  expect(hex(message().float(2, 1))).toBe("150000803f");
  expect(hex(message().floats(7, [1, -2]))).toBe("3a080000803f000000c0");
});

test("text is UTF-8 behind its length", () => {
  expect(hex(message().string(2, "testing"))).toBe("120774657374696e67");
  expect(hex(message().string(2, "σ"))).toBe("1202cf83");
  expect(hex(message().string(2, ""))).toBe("1200");
});

test("lists of whole numbers are packed", () => {
  expect(hex(message().integers(6, [3, 270, 86942]))).toBe("3206038e029ea705");
  expect(hex(message().integers(6, []))).toBe("3200");
});

test("messages lie inside messages behind their length", () => {
  const inner = message().integer(1, 150);
  expect(hex(message().message(3, inner))).toBe("1a03089601");
  const outer = message().message(1, message().message(2, inner)).string(4, "x");
  expect(hex(outer)).toBe("0a051203089601220178");
});

test("fields keep the order in which they are said", () => {
  expect(hex(message().integer(2, 1).integer(1, 2).integer(2, 3))).toBe("100108021003");
});

test("bytes are copied when the whole is written, and only then", () => {
  const bytes = Uint8Array.of(1, 2, 3);
  const whole = message().message(1, message().bytes(9, bytes));
  expect(whole.length).toBe(7);
  bytes[0] = 7;
  expect(hex(whole)).toBe("0a054a03070203");
});

test("a part of a buffer stays a part", () => {
  const part = new Uint8Array(Uint8Array.of(9, 8, 7, 6).buffer, 1, 2);
  expect(hex(message().bytes(1, part))).toBe("0a020807");
});
