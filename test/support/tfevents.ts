// Reads TensorBoard's event files with nothing of the writer: crc-32 checks the frames, protobufjs reads the messages.
import crc32c from "crc-32/crc32c.js";
import protobuf from "protobufjs";

/** The fields of event.proto and summary.proto in TensorFlow, as far as they may stand in these files. */
const { root } = protobuf.parse(`
  syntax = "proto3";
  package tensorflow;
  message Summary {
    message Value {
      string node_name = 7;
      string tag = 1;
      oneof value {
        float simple_value = 2;
        bytes obsolete_old_style_histogram = 3;
      }
    }
    repeated Value value = 1;
  }
  message Event {
    double wall_time = 1;
    int64 step = 2;
    oneof what {
      string file_version = 3;
      bytes graph_def = 4;
      Summary summary = 5;
    }
  }
`);
const Event = root.lookupType("tensorflow.Event");

/** A message; 64-bit integers are decimal strings. */
export interface Event {
  readonly wallTime: number;
  readonly step: string;
  readonly fileVersion?: string;
  readonly summary?: { readonly value: readonly { readonly tag: string; readonly simpleValue: number }[] };
}

/** The sum of some bytes as TFRecord keeps it. */
function masked(bytes: Uint8Array): number {
  const sum = crc32c.buf(bytes) >>> 0;
  return Number((((BigInt(sum) >> 15n) | (BigInt(sum) << 17n)) + 0xa282ead8n) & 0xffffffffn);
}

/** All messages of a file. Throws where a frame is cut, a sum is wrong or a message has fields that it must not have. */
export function readEvents(file: Uint8Array): Event[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const events: Event[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(view.getBigUint64(at, true));
    if (view.getUint32(at + 8, true) !== masked(file.subarray(at, at + 8)))
      throw new Error("sum of the length");
    const bytes = file.subarray(at + 12, at + 12 + length);
    if (bytes.length !== length) throw new Error("cut");
    if (view.getUint32(at + 12 + length, true) !== masked(bytes)) throw new Error("sum of the data");
    const message = Event.decode(bytes);
    // A field that the definition does not know would be left out in silence; written again it would be missing.
    if (Event.encode(message).finish().length > length) throw new Error("length");
    events.push(Event.toObject(message, { longs: String, defaults: false }) as Event);
    at += 16 + length;
  }
  return events.map((event) => ({ ...event, step: event.step ?? "0" }));
}
