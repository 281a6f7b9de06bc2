/** Where a moment of a run lies in its picture: one scale for boot and stop, and a cut through a run that is long beside them. */
import { stateNames } from "../../machines/index.ts";
import type { Timeline, TimelinePhase } from "./timeline.ts";

/** A stretch of time that is drawn to scale. */
export interface Part {
  readonly title: string;
  /** ms from the beginning of the run */
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Cut {
  readonly x: number;
  readonly width: number;
  /** how much time it stands for */
  readonly ms: number;
}

export interface Scale {
  readonly parts: readonly Part[];
  readonly cut: Cut | undefined;
  readonly pxPerMs: number;
  /** the x of a moment */
  at(ms: number): number;
  /** the end of the part that a moment lies in */
  endMs(ms: number): number;
}

const cutWidth = 88;
/** a run longer than this share of boot and stop together is cut */
const longestRun = 0.3;

const [runName, stopName] = stateNames.slice(-3) as [string, string];

/** Up to the run is the boot; after it is the stop. */
const partsOf = ({ phases, durationMs }: Timeline): { boot: Part; run: Part; stop: Part } => {
  const startOf = (name: string): number | undefined => phases.find((phase: TimelinePhase) => phase.name === name)?.offsetMs;
  const stopFrom = startOf(stopName) ?? durationMs;
  const runFrom = startOf(runName) ?? stopFrom;
  return {
    boot: { title: "boot", fromMs: 0, toMs: runFrom },
    run: { title: "run", fromMs: runFrom, toMs: stopFrom },
    stop: { title: "stop", fromMs: stopFrom, toMs: durationMs },
  };
};

const lengthOf = ({ fromMs, toMs }: Part): number => toMs - fromMs;

export const scaleOf = (timeline: Timeline, track: { x: number; width: number }): Scale => {
  const { boot, run, stop } = partsOf(timeline);
  const drawn = lengthOf(boot) + lengthOf(stop);
  const isCut = lengthOf(run) > longestRun * drawn && drawn > 0;
  const pxPerMs = (track.width - (isCut ? cutWidth : 0)) / Math.max(1, drawn + (isCut ? 0 : lengthOf(run)));
  const cutX = track.x + lengthOf(boot) * pxPerMs;
  const runWidth = isCut ? cutWidth : lengthOf(run) * pxPerMs;
  const at = (ms: number): number => {
    if (ms <= run.fromMs) return track.x + ms * pxPerMs;
    if (ms >= run.toMs) return cutX + runWidth + (ms - run.toMs) * pxPerMs;
    return cutX + ((ms - run.fromMs) / lengthOf(run)) * runWidth;
  };
  const parts = (isCut ? [boot, stop] : [boot, run, stop]).filter((part) => lengthOf(part) > 0);
  const endMs = (ms: number) => [boot, run].find((part) => ms < part.toMs)?.toMs ?? stop.toMs;
  return { parts, cut: isCut ? { x: cutX, width: cutWidth, ms: lengthOf(run) } : undefined, pxPerMs, at, endMs };
};

const fewestPx = 56;

/** 1, 2 or 5 times a power of ten, so that ticks are not too close. */
const stepOf = (pxPerMs: number): number => {
  const least = fewestPx / pxPerMs;
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((times) => times * power).find((step) => step >= least)!;
};

const tickText = (ms: number): string => (ms >= 1000 ? `${Number((ms / 1000).toFixed(1))} s` : `${Number(ms.toFixed(2))} ms`);

/** The ticks of a part, counted from its beginning. */
export const ticksOf = (part: Part, { pxPerMs }: Scale): { ms: number; label: string }[] => {
  const step = stepOf(pxPerMs);
  const count = Math.floor(lengthOf(part) / step) + 1;
  return Array.from({ length: count }, (_, index) => ({
    ms: part.fromMs + index * step,
    label: index === 0 ? "0" : tickText(index * step),
  }));
};
