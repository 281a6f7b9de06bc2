/** The metrics of the fleet at the time of a scrape: from the rows of the page, and a few keys of Redis. */
import type { MetricsSource } from "../../health/own-metrics.ts";
import type { FleetModel } from "../../instances/model.ts";
import { readEnds } from "../../journal/ends.ts";
import type { RedisClient } from "../../redis/client.ts";
import { readBacklog } from "../../streams/backlog.ts";
import { streamKeys } from "../../streams/keys.ts";
import { messageKeys, workersGroup } from "../messages/keys.ts";
import { fleetMetrics } from "./fleet-metrics.ts";

/** What the web tier knows of the instances. */
export interface KnownFleet {
  readonly model: Pick<FleetModel, "rows">;
  /** false while Redis is away */
  readonly isCurrent: boolean;
  /** the time of Redis, ms since the epoch */
  now(): number;
}

export class FleetScrape implements MetricsSource {
  readonly #fleet: KnownFleet;
  #redis: RedisClient | undefined;
  #wasCurrent = false;

  constructor(fleet: KnownFleet) {
    this.#fleet = fleet;
  }

  /** Sets the client that a scrape reads with; before that the metrics are empty. */
  begin(redis: RedisClient): void {
    this.#redis = redis;
  }

  /** Empty until the fleet was read once. Rejects with the error of Redis, and while Redis is away. */
  async metrics(): Promise<string> {
    const redis = this.#redis;
    const { isCurrent, model } = this.#fleet;
    this.#wasCurrent ||= isCurrent;
    if (redis === undefined || !this.#wasCurrent) return "";
    if (!isCurrent) throw new Error("the metrics of the fleet are left out: the registry cannot be read");
    const [ends, backlog, deadLetters] = await Promise.all([
      readEnds(redis),
      readBacklog(redis, messageKeys(redis).inbound, workersGroup),
      redis.xlen(streamKeys(redis).deadLetters),
    ]);
    return fleetMetrics({ rows: model.rows(), now: this.#fleet.now(), ends, backlogs: [backlog], deadLetters });
  }
}
