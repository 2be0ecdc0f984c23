// The entry point downhill/replay: compiled programs and their memory as one file, for hosts without the compiler.
export type { Place, ProgramEntry, ProgramFile, Run } from "./program-file.ts";
export { type ProgramFileLimits, readPrograms } from "./reader.ts";
export {
  predictionProgram,
  type Replayable,
  type TrainingProgramOptions,
  trainingProgram,
} from "./replayable.ts";
export { type WriteProgramsOptions, writePrograms } from "./writer.ts";
