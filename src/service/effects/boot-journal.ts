/** The journal of one boot: what the service does, written to Redis beside it. Loaded at the boot; nothing waits for it. */
import { keptFlight } from "../../flight/kept.ts";
import type { FlightRecorder } from "../../flight/recorder.ts";
import type { FlightRecording } from "../../flight/recording.ts";
import type { Readiness } from "../../health/readiness.ts";
import { JournalWriter } from "../../journal/writer.ts";
import type { RedisClient } from "../../redis/client.ts";
import { endingPlace, endsField } from "../../registry/ends.ts";
import type { JournalPart } from "../../registry/registration.ts";
import type { ServiceJournalOptions } from "../report/journal.ts";
import { ServiceJournal } from "../report/journal.ts";
import type { Boot, BootJournal } from "./resources.ts";

export interface BootJournalOptions extends Omit<ServiceJournalOptions, "writer"> {
  readonly service: string;
  readonly instance: string;
  readonly version: () => string;
  readonly recorder: FlightRecorder;
  /** the recording, as it would be written to a file if the service had ended so */
  readonly flight: (end: FlightRecording["end"]) => FlightRecording;
  readonly onOff: (reason: string) => void;
}

/** ms beyond the budget of the stop within which a last message may arrive */
const slackMs = 10_000;

export const openBootJournal = (
  options: BootJournalOptions,
  redis: RedisClient,
  boot: Boot,
): BootJournal & { readonly lookAtReadiness: (readiness?: Readiness) => void } => {
  const { service, instance, version, now, snapshot, onOff } = options;
  const author = () => ({ service, instance, incarnation: boot.incarnation ?? 0, boot: boot.boot, version: version() });
  const writer = new JournalWriter({ redis, author, now, onRefused: onOff });
  const journal = new ServiceJournal({ ...options, writer });
  const part = (): JournalPart => ({
    version: version(),
    ending: () => writer.ending(journal.ending()),
    endingLost: () => writer.noteLost(),
    endsWithinMs: snapshot().context.settings.shutdownTimeoutMs + slackMs,
    turnOff: (reason) => writer.turnOff(reason),
  });
  return {
    get part() {
      return writer.isOn ? part() : undefined;
    },
    unanswered: (client) => writer.unanswered(client),
    open: (gated, missing) => (missing === "" ? writer.open(gated) : writer.turnOff(missing)),
    end: () => {
      const last = journal.ending();
      const kept = last.outcome === "failed" ? keptFlight(options.flight(last)) : undefined;
      if (kept !== undefined) writer.keepFlight(kept);
      const place = endingPlace(boot.boot, service, version());
      writer.end(last, { place, field: endsField(service, version(), last.outcome) });
    },
    lookAtReadiness: (readiness) => journal.lookAtReadiness(readiness),
  };
};
