/** The flight recording of a service as it is now. */
import type { LifecycleSnapshot } from "../../../machines/index.ts";
import { uptimeOf } from "../../../machines/lifecycle.machine.ts";
import { statePath } from "../../../machines/state.ts";
import type { FlightRecorder } from "../../flight/recorder.ts";
import type { FlightRecording } from "../../flight/recording.ts";
import { flightFormat } from "../../flight/recording.ts";

export interface RecordingSource {
  readonly service: string;
  readonly instance: string;
  /** ms since the epoch */
  readonly writtenAt: number;
  readonly snapshot: LifecycleSnapshot;
  readonly recorder: FlightRecorder;
  readonly end: FlightRecording["end"];
}

export const recordingOf = ({ service, instance, writtenAt, snapshot, recorder, end }: RecordingSource): FlightRecording => ({
  format: flightFormat,
  service,
  instance,
  pid: process.pid,
  writtenAt,
  uptimeMs: uptimeOf(snapshot.context),
  path: statePath(snapshot),
  settings: snapshot.context.settings,
  ...recorder.recall(snapshot.context.constructedAt),
  phases: snapshot.context.phases,
  end,
});
