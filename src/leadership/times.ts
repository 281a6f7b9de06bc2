/** The times of an election, checked as client-go checks its own: renewal, then deadline, then the lock's end. */
import type { LeadershipTimes } from "../../machines/index.ts";
import { defaultLeadershipTimes, leadershipJitter } from "../../machines/leadership.machine.ts";
import { unknownKeys } from "../closest.ts";
import { StargazerError } from "../errors.ts";

const dayMs = 86_400_000;

const isWhole = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= dayMs;

/** What is wrong with each value alone. */
const valueProblems = (given: Readonly<Record<string, unknown>>): string[] => [
  ...unknownKeys(given, Object.keys(defaultLeadershipTimes), "time"),
  ...Object.entries(given)
    .filter(([name, value]) => Object.hasOwn(defaultLeadershipTimes, name) && !isWhole(value))
    .map(([name, value]) => `${name} must be a whole number from 1 to ${dayMs}, not ${String(value).slice(0, 80)}`),
];

/** What is wrong with the values together; a period counts at its longest, jitter included. */
const orderProblems = ({ lockTtlMs, renewDeadlineMs, renewMs, retryMs, askTimeoutMs }: LeadershipTimes): string[] => {
  const renewalMs = Math.ceil((renewMs + retryMs) * (1 + leadershipJitter)) + askTimeoutMs;
  return [
    ...(renewDeadlineMs < lockTtlMs
      ? []
      : [`renewDeadlineMs (${renewDeadlineMs}) must be less than lockTtlMs (${lockTtlMs}), or two instances lead at once`]),
    ...(retryMs < renewMs ? [] : [`retryMs (${retryMs}) must be less than renewMs (${renewMs})`]),
    ...(renewalMs < renewDeadlineMs
      ? []
      : [
          `renewDeadlineMs (${renewDeadlineMs}) must be more than ${renewalMs}, which is renewMs + retryMs with their jitter + askTimeoutMs, or one renewal without an answer ends the term`,
        ]),
  ];
};

/** A name becomes part of a key, and of an actor's id. */
const nameProblems = (name: unknown): string[] =>
  typeof name === "string" && /^[\w-][\w.-]{0,63}$/.test(name)
    ? []
    : ["name must be 1 to 64 letters, digits, '_', '-' or '.', and not begin with '.'"];

/** The given times over the defaults. Throws `SG_ERR_CONFIG_INVALID` that names every problem of name and times, those in `known` first. */
export const resolveTimes = (
  name: string,
  given: Partial<LeadershipTimes> = {},
  known: readonly string[] = [],
): LeadershipTimes => {
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const times: LeadershipTimes = { ...defaultLeadershipTimes, ...set };
  const alone = [...known, ...nameProblems(name), ...valueProblems(set)];
  const problems = [...alone, ...(Object.values(times).every(isWhole) ? orderProblems(times) : [])];
  if (problems.length === 0) return times;
  throw new StargazerError(
    "SG_ERR_CONFIG_INVALID",
    `the leadership '${String(name).slice(0, 64)}' has ${problems.length} problem${problems.length === 1 ? "" : "s"}: ${problems.join("; ")}.`,
  );
};
