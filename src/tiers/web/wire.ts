/** What the stream of the fleet's page sends, and what the page's server answers. All times in ms since the epoch, by the clock of Redis. */
import type { LifePart, StateWords } from "../../../machines/index.ts";
import type { DownService } from "../../instances/down.ts";
import type { Boot, Row, RowFailure, RowMoment, RowPhase, Span } from "../../instances/row.ts";

/** A state of a service, as the page shows it. */
export interface PageState extends StateWords {
  /** whether a service in it takes work */
  readonly takesWork: boolean;
  /** the part of a life that it belongs to */
  readonly part: LifePart;
  /** whether the machine ends in it */
  readonly isFinal: boolean;
  /** the states within it, in order */
  readonly steps: readonly string[];
  /** what may come next, in the words of the chart; without what leads to the next of the nine */
  readonly exits: readonly string[];
}

/** What happened at the beginning of a span. `failed`: a boot wrote its end, with a failure. */
export type WireMark = Span["mark"] | "failed";

/** A time in one state: state, from, to, readiness, release, mark. */
export type WireSpan = readonly [
  state: Span["state"],
  from: number,
  to: number | null,
  ready: boolean | null,
  version: string,
  mark: WireMark,
];

/** A row without what is shown of one instance alone. */
export interface WireRow extends Omit<Row, "lane" | "boots" | "phases" | "moments" | "incarnation"> {
  /** at most the newest 100 spans of the last hour, oldest first */
  readonly lane: readonly WireSpan[];
  /** whether nothing of it runs any more */
  readonly isOver: boolean;
  /** whether it ended with a failure, or without writing its end */
  readonly hasDied: boolean;
  /** when the last boots ended as failed or expired, at most 10, newest first */
  readonly falls: readonly number[];
  /** the first cause of the newest of them; empty where there is none */
  readonly cause: string;
}

/** One boot of an instance. */
export interface WireBoot extends Boot {
  /** whether it ended with a failure, or without writing its end */
  readonly hasDied: boolean;
}

/** One instance in full: the answer of `/api/instances/:service/:instance`. */
export interface WireInstance {
  readonly row: WireRow;
  readonly incarnation: number;
  /** whether it is ready, and if not, why, in one sentence */
  readonly sentence: string;
  readonly boots: readonly WireBoot[];
  /** of the newest boot and its stop */
  readonly phases: readonly RowPhase[];
  readonly moments: readonly RowMoment[];
  readonly failures: readonly RowFailure[];
}

/** One group of readers of a stream. */
export interface WireReaders {
  readonly group: string;
  /** entries that the group has not read */
  readonly lag: number | null;
  /** messages that are read and not settled */
  readonly pending: number;
  readonly readers: number;
}

export interface WireStream {
  /** its key */
  readonly stream: string;
  readonly length: number;
  readonly groups: readonly WireReaders[];
}

/** How long boots and stops of one release take: the last 100 of each. */
export interface WireTimes {
  readonly service: string;
  readonly version: string;
  readonly instances: number;
  readonly boot: WireQuantiles | null;
  readonly stop: WireQuantiles | null;
}

/** In ms. */
export interface WireQuantiles {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
}

/** The fleet as a whole. */
export interface WireOverview {
  /** ms of the last command; null where Redis did not answer it */
  readonly redisMs: number | null;
  readonly streams: readonly WireStream[];
  /** messages without an answer; null where that is not known */
  readonly waiting: number | null;
  readonly deadLetters: { readonly count: number; readonly newest: readonly WireLetter[] };
  readonly times: readonly WireTimes[];
}

export interface WireLetter {
  readonly id: string;
  readonly stream: string;
  readonly attempts: number;
  readonly reason: string;
}

/** Where a gateway listens that takes work, and which one it is. */
export interface WireGateway {
  readonly instance: string;
  readonly host: unknown;
  readonly port: unknown;
}

/** Whether the rows are up to date, and if not, since when and why. */
export interface WireCondition {
  readonly type: "condition";
  readonly isCurrent: boolean;
  /** whether the rows were up to date once */
  readonly isKnown: boolean;
  /** since when Redis does not answer; 0 while it does, or while it is read for the first time */
  readonly awaySince: number;
  /** why not; empty where `awaySince` is 0 */
  readonly message: string;
  readonly now: number;
}

/** The events of the stream. */
export type WireEvent =
  /** everything that was sent before is void */
  | { readonly type: "reset"; readonly states: readonly PageState[] }
  | { readonly type: "row"; readonly row: WireRow }
  | { readonly type: "removed"; readonly name: string }
  /** which services are down: in place of the ones before */
  | { readonly type: "down"; readonly services: readonly DownService[] }
  | { readonly type: "overview"; readonly overview: WireOverview }
  | { readonly type: "gateways"; readonly gateways: readonly WireGateway[] }
  /** all rows have been sent */
  | WireCondition
  /** every second */
  | { readonly type: "clock"; readonly now: number };
