/** A recording as Redis keeps it. */
import type { FlightRecording } from "./recording.ts";

/** bytes of a recording in Redis */
export const keptLimitBytes = 262_144;

/** The recording as JSON within the limit: its oldest entries are left out where it is longer. Undefined where it is too long without entries. */
export const keptFlight = (recording: FlightRecording): string | undefined => {
  const json = JSON.stringify(recording);
  if (Buffer.byteLength(json) <= keptLimitBytes) return json;
  const { entries, dropped } = recording;
  if (entries.length === 0) return undefined;
  const left = entries.slice(Math.ceil(entries.length / 2));
  return keptFlight({ ...recording, entries: left, dropped: dropped + entries.length - left.length });
};
