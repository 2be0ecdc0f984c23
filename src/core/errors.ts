// Every error that downhill throws: typed, so that a caller can tell them apart and go on.

/** The base of all of them. */
export class DownhillError extends Error {
  override name: string = "DownhillError";
}

/** Sizes or ranks that do not fit: names the operation, what was got, what was wanted. */
export class ShapeError extends DownhillError {
  override name = "ShapeError";
}

/** An option or argument outside its range or unknown. */
export class OptionError extends DownhillError {
  override name = "OptionError";
}

/** Values that cannot be trained on: labels out of range, an empty dataset, non-finite numbers. */
export class DataError extends DownhillError {
  override name = "DataError";
}

/** A file that is not what it says it is: truncated, corrupt, hostile. */
export class FormatError extends DownhillError {
  override name = "FormatError";
}

/** A program that needs more memory than is allowed. */
export class MemoryError extends DownhillError {
  override name = "MemoryError";
  readonly neededBytes: number;
  readonly allowedBytes: number;
  constructor(message: string, neededBytes: number, allowedBytes: number) {
    super(message);
    this.neededBytes = neededBytes;
    this.allowedBytes = allowedBytes;
  }
}

/** The engine cannot run: closed, a worker died, or the runtime lacks something. */
export class EngineError extends DownhillError {
  override name = "EngineError";
}

/** The loss left the finite numbers; the parameters are those before the step. */
export class NonFiniteError extends DownhillError {
  override name = "NonFiniteError";
  /** The step, counted from 1 over the whole training. */
  readonly step: number;
  readonly loss: number;
  constructor(message: string, step: number, loss: number) {
    super(message);
    this.step = step;
    this.loss = loss;
  }
}

/** A program that breaks a rule of the compiler: a defect of an operation, not of the caller. */
export class VerifyError extends DownhillError {
  override name = "VerifyError";
}
