/** The bound of the memory of a fleet's own Redis, from `SG_REDIS_MAXMEMORY`. */
import { fromEnvironment } from "../environment.ts";
import { defaultMaxMemory } from "../redis/embedded/server.ts";

const variable = "SG_REDIS_MAXMEMORY";
/** a server needs some MB before its first write */
const leastBytes = 16 * 1024 ** 2;
const units: Readonly<Record<string, number>> = { kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 };

/** In Redis' form: `512mb`; 0 is no bound. */
export const maxMemory = (): string => (fromEnvironment(variable) ?? defaultMaxMemory).toLowerCase();

/** Why the variable cannot be used, as a clause; undefined if it can. */
export const maxMemoryProblem = (): string | undefined => {
  const [, digits, unit = ""] = /^(\d{1,12})(kb|mb|gb)?$/.exec(maxMemory()) ?? [];
  const bytes = Number(digits) * (units[unit] ?? 1);
  if (bytes === 0 || bytes >= leastBytes) return undefined;
  return `${variable} must be a size of at least 16mb, as 512mb or 2gb, or 0 for no bound, and is ${JSON.stringify(maxMemory())}`;
};
