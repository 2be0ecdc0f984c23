// What a model.json says, read field by field: whatever is not as it must be is an error that names the layer.
import { DownhillError, FormatError } from "../core/errors.ts";
import { quote } from "../formats/json.ts";

/** Most of what a number alone makes large: pixels of a padding, copies of a row. What weights make large, the file bounds. */
const MOST = 65_536;

/** Fields that a file has, its own ones only. */
export type Fields = Readonly<Record<string, unknown>>;

/** A value as an object. @throws FormatError */
export function fieldsOf(where: string, value: unknown): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw wrong(where, value, "an object");
  return Object.assign(Object.create(null), value);
}

/** A value as a list. @throws FormatError */
export function listOf(where: string, value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw wrong(where, value, "a list");
  return value;
}

/** A value as a text. @throws FormatError */
export function textOf(where: string, value: unknown): string {
  if (typeof value !== "string") throw wrong(where, value, "a string");
  return value;
}

/** The error of a field. */
export function wrong(where: string, got: unknown, wanted: string): FormatError {
  const said =
    typeof got === "string"
      ? quote(got)
      : Array.isArray(got)
        ? "a list"
        : typeof got === "object" && got
          ? "an object"
          : got;
  return new FormatError(`fromKeras: ${where}: got ${said}, wanted ${wanted}`);
}

/** Whatever fails inside is the file's fault, at this place. */
export function within<T>(where: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (!(cause instanceof DownhillError) || cause instanceof FormatError) throw cause;
    throw new FormatError(`fromKeras: ${where}: ${cause.message}`, { cause });
  }
}

/** The settings of a layer. Python leaves out what it does not know of and writes null for none: both are the default. */
export class Config {
  /** The layer's name and class, for messages. */
  readonly where: string;
  readonly fields: Fields;
  /** Written by Keras 3 or later. */
  readonly modern: boolean;

  constructor(where: string, fields: Fields, modern: boolean) {
    this.where = where;
    this.fields = fields;
    this.modern = modern;
  }

  wrong(field: string, wanted: string): FormatError {
    return wrong(`${this.where}: ${field}`, this.fields[field], wanted);
  }

  number(field: string, fallback: number): number {
    const value = this.fields[field] ?? fallback;
    if (typeof value !== "number" || !Number.isFinite(value)) throw this.wrong(field, "a number");
    return value;
  }

  /** A positive integer. */
  count(field: string, fallback?: number): number {
    return this.counts(field, 1, fallback)[0]!;
  }

  /** Integers for so many axes, of which one number may stand for all. */
  counts(field: string, axes: number, fallback?: number, least = 1): number[] {
    const value = this.fields[field] ?? fallback;
    const list = Array.isArray(value) ? value : new Array<unknown>(axes).fill(value);
    const fits = (n: unknown) => Number.isSafeInteger(n) && (n as number) >= least && (n as number) <= MOST;
    if (list.length !== axes || !list.every(fits))
      throw this.wrong(field, `${axes === 1 ? "an integer" : `${axes} integers`} from ${least} to ${MOST}`);
    return list;
  }

  /** Integers of any sign, as many as there are. */
  integers(field: string): readonly number[] {
    const list = listOf(`${this.where}: ${field}`, this.fields[field]);
    if (!list.every(Number.isSafeInteger)) throw this.wrong(field, "integers");
    return list as readonly number[];
  }

  /** Widths before and after each of some axes. */
  sides(field: string, axes: number): [number, number][] {
    const value = this.fields[field] ?? 1;
    const given =
      Array.isArray(value) && (axes === 2 || value.length === 1) ? value : new Array(axes).fill(value);
    return Array.from({ length: axes }, (_, axis) => {
      const pair = new Config(this.where, { [field]: given[axis] }, this.modern).counts(
        field,
        2,
        undefined,
        0,
      );
      return [pair[0]!, pair[1]!];
    });
  }

  flag(field: string, fallback: boolean): boolean {
    const value = this.fields[field] ?? fallback;
    if (typeof value !== "boolean") throw this.wrong(field, "true or false");
    return value;
  }

  text(field: string, fallback: string, known: readonly string[]): string {
    const value = this.fields[field] ?? fallback;
    if (typeof value !== "string" || !known.includes(value)) throw this.wrong(field, known.join(" or "));
    return value;
  }

  /** Throws where a field has another value than the only one that there is an equal of here. */
  only(field: string, value: unknown): void {
    if ((this.fields[field] ?? value) !== value)
      throw this.wrong(field, `${value ?? "none"}, which alone has an equal here`);
  }
}
