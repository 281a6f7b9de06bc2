/**
 * A service's own metrics on `/metrics`: read at each scrape within bounds of time and bytes, and validated line by line, so that they can
 * neither break the scrape nor write a series twice.
 */
import type { HealthFact } from "../../machines/health-port.machine.ts";
import { effectPhases } from "../../machines/phases.ts";
import { messageOf, StargazerError } from "../errors.ts";
import { until } from "../until.ts";
import { exposedIn, familyOf } from "./exposition.ts";

/** A source of a service's own metrics, such as a registry of prom-client. */
export interface MetricsSource {
  /** All of them, in the text format of Prometheus. */
  metrics(): Promise<string> | string;
}

/** Whether a scrape has the service's own metrics. */
type MetricsFact = Extract<HealthFact, { type: "metrics.failed" | "metrics.restored" }>;

export interface OwnMetricsOptions {
  /** the option `metrics` */
  readonly source: MetricsSource | undefined;
  readonly tier: MetricsSource | undefined;
  /** whether a metric of that name is the health server's, and so none of `source` */
  readonly isReserved: (name: string) => boolean;
  /** ms for one call of `metrics()` */
  readonly timeoutMs: number;
  readonly onFact: (fact: MetricsFact) => void;
}

const maxBytes = 4 * 1024 * 1024;
/** `# EOF` of OpenMetrics is one */
const isComment = (line: string): boolean => /^#(?! (?:HELP|TYPE) )/.test(line);
/** The text that may be served, the names that belong to the health server, and the number of invalid lines left out. */
interface Sorted {
  readonly text: string;
  readonly clashes: readonly string[];
  readonly dropped: number;
}

const sort = (text: string, isReserved: (name: string) => boolean): Sorted => {
  const clashes = new Set<string>();
  const seen = new Set<string>();
  const sampled = new Set<string>();
  const kept: string[] = [];
  let dropped = 0;
  for (const line of text.trimEnd().split(/[ \t\r]*\n/)) {
    if (line === "" || isComment(line)) continue;
    const exposed = exposedIn(line);
    const clash = exposed && [exposed.metric, familyOf(exposed.metric)].find(isReserved);
    const isLate = exposed?.kind === "type" && sampled.has(exposed.metric);
    if (clash !== undefined) clashes.add(clash);
    else if (exposed === undefined || isLate || seen.has(exposed.key)) dropped += 1;
    else {
      kept.push(line);
      seen.add(exposed.key);
      if (exposed.kind === "sample") sampled.add(exposed.metric).add(familyOf(exposed.metric));
    }
  }
  return { text: kept.length === 0 ? "" : `${kept.join("\n")}\n`, clashes: [...clashes], dropped };
};

const advice =
  "Leave them out of the registry: what collectDefaultMetrics() of prom-client writes under these names, /metrics has already; it takes a prefix.";

/** One source, and the names that it may not have. */
class Read {
  readonly #source: MetricsSource;
  readonly #timeoutMs: number;
  readonly #isReserved: (name: string) => boolean;
  #reading: Promise<string> | undefined;

  constructor(source: MetricsSource, timeoutMs: number, isReserved: (name: string) => boolean) {
    this.#source = source;
    this.#timeoutMs = timeoutMs;
    this.#isReserved = isReserved;
  }

  /** Rejects with the error of the source, at its deadline, and where it returned no text or too much. */
  async sorted(): Promise<Sorted> {
    return sort(await this.#text(), this.#isReserved);
  }

  /** What may be served, and the reason why anything is missing; never rejects. */
  async contained(): Promise<{ readonly text: string; readonly problem: string }> {
    try {
      const { text, clashes, dropped } = await this.sorted();
      return { text, problem: problemOf(clashes, dropped) };
    } catch (error) {
      return { text: "", problem: messageOf(error) };
    }
  }

  /** One call at a time: while it hangs, each scrape waits for the same call. */
  async #text(): Promise<string> {
    this.#reading ??= (async () => this.#source.metrics())().finally(() => {
      this.#reading = undefined;
    });
    const text: unknown = await until(this.#reading, { signal: AbortSignal.timeout(this.#timeoutMs), what: "metrics()" });
    if (typeof text !== "string") throw new Error(`metrics() returned no text but a value of type ${typeof text}`);
    const bytes = Buffer.byteLength(text);
    if (bytes > maxBytes) throw new Error(`metrics() returned ${bytes} bytes, more than ${maxBytes}`);
    return text;
  }
}

export class OwnMetrics {
  readonly #onFact: OwnMetricsOptions["onFact"];
  /** those of the user */
  readonly #own: Read | undefined;
  readonly #all: readonly Read[];
  #trouble = "";

  constructor({ source, tier, isReserved, timeoutMs, onFact }: OwnMetricsOptions) {
    this.#onFact = onFact;
    this.#own = source && new Read(source, timeoutMs, isReserved);
    const ofTier = tier && new Read(tier, timeoutMs, () => false);
    this.#all = [this.#own, ofTier].filter((read) => read !== undefined);
  }

  /** Rejects with `SG_ERR_METRICS_CLASH` where a name is the health server's. Resolves also while the metrics fail or hang. */
  async check(): Promise<void> {
    const { clashes = [] } = (await this.#own?.sorted().catch(() => undefined)) ?? {};
    if (clashes.length === 0) return;
    const message = `the option metrics has metrics under names of Stargazer's: ${clashes.join(", ")}. ${advice}`;
    throw new StargazerError("SG_ERR_METRICS_CLASH", message, { phase: effectPhases.openHealth });
  }

  /** The metrics of one scrape. Never rejects: metrics that fail or take too long are left out, and a fact has the reason. */
  async text(): Promise<string> {
    const parts = await Promise.all(this.#all.map((read) => read.contained()));
    this.#note(parts.flatMap(({ problem }) => (problem === "" ? [] : [problem])).join("; "));
    return parts.map(({ text }) => text).join("");
  }

  #note(trouble: string): void {
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    this.#onFact(trouble === "" ? { type: "metrics.restored" } : { type: "metrics.failed", reason: trouble });
  }
}

const problemOf = (clashes: readonly string[], dropped: number): string =>
  [
    ...(clashes.length > 0 ? [`names of Stargazer's were left out: ${clashes.join(", ")}`] : []),
    ...(dropped > 0 ? [`${dropped} lines were left out: duplicate series, or invalid lines`] : []),
  ].join("; ");
