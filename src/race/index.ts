// Table of contents of "downhill/race".
export { entrant, type Hyper, type HyperRange, type RaceEntrant } from "./entrant.ts";
export { entrants } from "./entrants.ts";
export {
  type Examples,
  type MnistTaskOptions,
  mnistTask,
  type NetworkTaskOptions,
  spiralsTask,
  type TrainingTaskOptions,
  trainingTask,
} from "./networks.ts";
export { type Profile, type ProfileOptions, performanceProfile } from "./profile.ts";
export {
  type RaceEntry,
  type RaceOptions,
  type RaceOutcome,
  type RaceProgress,
  type RaceResult,
  type RaceRun,
  race,
} from "./race.ts";
export { type SurfaceTaskOptions, type SurfaceTasksOptions, surfaceTask, surfaceTasks } from "./surfaces.ts";
export type { RaceRecord, RaceRunOptions, RaceTarget, RaceTask, Trajectory } from "./task.ts";
