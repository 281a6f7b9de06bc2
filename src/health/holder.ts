/** The holder of the port as the chart sees it: the probe thread and the main thread take the same commands. */
import type { HealthObservation, HolderEvent, PortAddress } from "../../machines/health-port.machine.ts";

/** One that listens once and ends once. What comes of a call is sent to the chart. */
export interface Holder {
  /** Sends `port.listening`, or `port.refused` with what to do about it. */
  listen(wanted: PortAddress): void;
  /** Accepts nothing more and lets what is under way be answered; then sends `port.ended`. */
  end(): void;
  /** Cuts everything now. Any number of times. */
  cut(): void;
}

/** Sends to the chart; once the holder was released, without effect. */
export type SendBack = (event: HolderEvent | HealthObservation) => void;
