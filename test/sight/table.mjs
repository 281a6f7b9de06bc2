/** A proof as a table: what was measured, beside what it has to be. */
import { availableParallelism, loadavg } from "node:os";

/** How busy the machine is: processes that wanted a processor, of the last minute, and how many processors there are. */
export const loadNow = () => ({ load: Math.round(loadavg()[0] * 100) / 100, processors: availableParallelism() });

/** The value at that share of the values, which may be in any order; 0 where there are none. */
export const quantile = (values, share) => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
};

/** p50, p90, p99 and the greatest, to a tenth. */
export const spread = (values) => {
  const rounded = (value) => Math.round(value * 10) / 10;
  const [p50, p90, p99] = [0.5, 0.9, 0.99].map((share) => rounded(quantile(values, share)));
  return { count: values.length, p50, p90, p99, max: rounded(values.length === 0 ? 0 : Math.max(...values)) };
};

/** `{ what, want, got, ok }`: a claim, its target, what was measured, and whether that meets it; without `ok` it is only shown. */
const lineOf = ({ what, want = "", got, ok }) =>
  `  ${what.padEnd(58)} ${String(want).padStart(14)} ${String(got).padStart(14)}  ${ok === undefined ? "" : ok ? "yes" : "NO"}`.trimEnd();

/** Whether each target of a proof is met. */
export const isMet = ({ claims }) => claims.every(({ ok }) => ok !== false);

/** For a terminal. */
export const tableOf = ({ name, title, seconds, loads, claims, notes }) =>
  [
    `${name}: ${title}, in ${seconds} s; load ${loads.map(({ load }) => load).join(" to ")} on ${loads[0].processors} processors`,
    `  ${"".padEnd(58)} ${"target".padStart(14)} ${"measured".padStart(14)}`,
    ...claims.map(lineOf),
    ...notes.map((note) => `  ${note}`),
  ].join("\n");
