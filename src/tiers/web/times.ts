/** How long boots and stops take, by release: of the rows' boots, the newest first. Pure. */
import { cleanLine } from "../../clean.ts";
import type { Boot, Row } from "../../instances/row.ts";
import type { WireQuantiles, WireTimes } from "./wire.ts";

/** boots and stops of one release that count */
const maxCount = 100;
const maxReleases = 100;
/** of one service, the newest */
const maxOfService = 4;
const maxVersionLength = 120;

/** In ms; null of none. */
const quantilesOf = (all: readonly number[]): WireQuantiles | null => {
  const sorted = all.slice(0, maxCount).sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return sorted.length === 0 ? null : { count: sorted.length, p50: at(0.5), p95: at(0.95) };
};

interface Release {
  readonly service: string;
  readonly version: string;
  instances: number;
  readonly boots: Boot[];
}

const bootMs = ({ readyAt, startedAt }: Boot): number[] => (readyAt === null ? [] : [readyAt - startedAt]);
const stopMs = (boot: Boot): number[] => (boot.stopMs === null ? [] : [boot.stopMs]);

/** A boot counts once it took traffic, a stop once it was over. Ordered by service, the newest release first. */
export const timesOf = (rows: readonly Row[]): WireTimes[] => {
  const releases = new Map<string, Release>();
  for (const { service, version, end, boots } of rows) {
    for (const boot of boots) {
      const key = `${service}\n${boot.version}`;
      const known = releases.get(key) ?? { service, version: boot.version, instances: 0, boots: [] };
      known.boots.push(boot);
      releases.set(key, known);
    }
    const own = releases.get(`${service}\n${version}`);
    if (own !== undefined && end === null) own.instances += 1;
  }
  const newest = ({ boots }: Release): number => Math.max(...boots.map(({ startedAt }) => startedAt));
  return [...releases.values()]
    .sort((a, b) => a.service.localeCompare(b.service, "en") || newest(b) - newest(a))
    .filter(({ service }, at, sorted) => sorted[at - maxOfService]?.service !== service)
    .slice(0, maxReleases)
    .map(({ service, version, instances, boots }) => {
      const sorted = boots.toSorted((a, b) => b.startedAt - a.startedAt);
      return {
        service,
        version: cleanLine(version.slice(0, maxVersionLength)),
        instances,
        boot: quantilesOf(sorted.flatMap(bootMs)),
        stop: quantilesOf(sorted.flatMap(stopMs)),
      };
    });
};
