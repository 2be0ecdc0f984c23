// Reads FlatBuffers field by field, as their format's description says: what the writer is tested by.

/** A table in a file. */
export class FlatReader {
  readonly #view: DataView;
  readonly at: number;

  constructor(view: DataView, at: number) {
    this.#view = view;
    this.at = at;
  }

  /** The root table. */
  static root(bytes: Uint8Array): FlatReader {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return new FlatReader(view, view.getUint32(0, true));
  }

  /** Where the table's vtable lies. */
  get vtable(): number {
    return this.at - this.#view.getInt32(this.at, true);
  }

  /** Where a field lies, or undefined where the table has none. */
  place(field: number): number | undefined {
    const size = this.#view.getUint16(this.vtable, true);
    const offset = 4 + 2 * field < size ? this.#view.getUint16(this.vtable + 4 + 2 * field, true) : 0;
    return offset === 0 ? undefined : this.at + offset;
  }

  int8 = (field: number) => this.#read(field, (at) => this.#view.getInt8(at));
  uint8 = (field: number) => this.#read(field, (at) => this.#view.getUint8(at));
  int32 = (field: number) => this.#read(field, (at) => this.#view.getInt32(at, true));
  float32 = (field: number) => this.#read(field, (at) => this.#view.getFloat32(at, true));

  /** Where what a field points at lies. */
  pointed(field: number): number | undefined {
    return this.#read(field, (at) => at + this.#view.getUint32(at, true));
  }

  bytes(field: number): Uint8Array {
    const at = this.pointed(field);
    if (at === undefined) return new Uint8Array();
    const length = this.#view.getUint32(at, true);
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + at + 4, length);
  }

  text = (field: number) => new TextDecoder().decode(this.bytes(field));
  integers = (field: number) => this.#list(field, (at) => this.#view.getInt32(at, true), 4);
  floats = (field: number) => this.#list(field, (at) => this.#view.getFloat32(at, true), 4);
  longs = (field: number) => this.#list(field, (at) => Number(this.#view.getBigInt64(at, true)), 8);

  table(field: number): FlatReader | undefined {
    const at = this.pointed(field);
    return at === undefined ? undefined : new FlatReader(this.#view, at);
  }

  tables(field: number): FlatReader[] {
    return this.#list(field, (at) => new FlatReader(this.#view, at + this.#view.getUint32(at, true)), 4);
  }

  #read<T>(field: number, how: (at: number) => T): T | undefined {
    const at = this.place(field);
    return at === undefined ? undefined : how(at);
  }

  #list<T>(field: number, how: (at: number) => T, size: number): T[] {
    const at = this.pointed(field);
    if (at === undefined) return [];
    const length = this.#view.getUint32(at, true);
    return Array.from({ length }, (_, k) => how(at + 4 + k * size));
  }
}
