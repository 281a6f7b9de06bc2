/** Durations as systemd and compose write them, in ms. */

const systemdUnits: Readonly<Record<string, number>> = Object.fromEntries(
  (
    [
      [["us", "usec", "µs", "μs"], 0.001],
      [["ms", "msec"], 1],
      [["", "s", "sec", "second", "seconds"], 1000],
      [["m", "min", "minute", "minutes"], 60_000],
      [["h", "hr", "hour", "hours"], 3_600_000],
      [["d", "day", "days"], 86_400_000],
      [["w", "week", "weeks"], 604_800_000],
      [["M", "month", "months"], 2_629_800_000],
      [["y", "year", "years"], 31_557_600_000],
    ] as const
  ).flatMap(([names, ms]) => names.map((name) => [name, ms])),
);

const goUnits: Readonly<Record<string, number>> = { ns: 1e-6, us: 0.001, µs: 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** The sum of `1min 30s`; NaN for a text that is none. */
const summed = (text: string, units: Readonly<Record<string, number>>): number => {
  const parts = [...text.matchAll(/\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-zA-Zµμ]*)/gy)];
  const length = parts.reduce((sum, [part]) => sum + part.length, 0);
  if (parts.length === 0 || length !== text.trimEnd().length) return Number.NaN;
  return parts.reduce(
    (sum, [, amount, unit = ""]) => sum + Number(amount) * (Object.hasOwn(units, unit) ? units[unit]! : Number.NaN),
    0,
  );
};

/** `90`, `1min 30s`, `infinity`. NaN for a text that systemd would not read. */
export const systemdMs = (text: string): number =>
  text.trim() === "infinity" ? Number.POSITIVE_INFINITY : summed(text.trim(), systemdUnits);

/** `1m30s`. NaN for a text that compose would not read, a number without a unit included. */
export const composeMs = (text: string): number => summed(text.trim(), goUnits);

/** A duration of ms as people read it. */
export const shownMs = (ms: number): string =>
  ms === Number.POSITIVE_INFINITY ? "infinity" : ms % 1000 === 0 ? `${ms / 1000} s` : `${ms} ms`;
