/** The flight recorder: what a service last did, kept for the moment when it fails. */
export type { Driven, Rerun } from "./drive.ts";
export { driveLifecycle, rerun } from "./drive.ts";
export type { FlightEntry, FlightEvent, FlightRecording } from "./recording.ts";
export { parseFlight } from "./recording.ts";
export type { StoryLine, Tone } from "./story.ts";
export { storyOf } from "./story.ts";
export type { TestStyle } from "./test-text.ts";
export { testStyles, testText } from "./test-text.ts";
