/** The flight recorder: the last transitions and facts of a service, kept for the moment when it fails. */
export type { Driven, Rerun } from "./drive.ts";
export { driveLifecycle, rerun } from "./drive.ts";
export { failureReader, maxFlightBytes, parseFlight, phaseReader } from "./parse.ts";
export type { FlightRecording } from "./recording.ts";
export type { Tone } from "./story.ts";
export { storyOf } from "./story.ts";
export type { TestStyle } from "./test-text.ts";
export { testStyles, testText } from "./test-text.ts";
