/** The names under which the servers of a process answer, beside IP addresses, `localhost` and their own names. */
import { fromEnvironment } from "./environment.ts";

export const allowedHostsVariable = "SG_ALLOWED_HOSTS";

/** The list in the environment, where no option has one; not checked. */
export const allowedHostsFromEnvironment = (): readonly string[] =>
  (fromEnvironment(allowedHostsVariable) ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");

/** A host name, or the end of one behind a dot. No port, no URL, no `*`: that would switch the rule off. */
const isHostName = (value: unknown): boolean =>
  typeof value === "string" && value.length <= 254 && /^\.?[a-z\d_]([\w-]*\w)?(\.[a-z\d_]([\w-]*\w)?)*$/i.test(value);

/** What is wrong with a list of names, or undefined. */
export const allowedHostsProblem = (value: unknown): string | undefined => {
  if (!Array.isArray(value)) return "must be a list of host names";
  const wrong = value.find((name) => !isHostName(name));
  if (value.every(isHostName)) return undefined;
  const text = typeof wrong === "string" ? JSON.stringify(wrong.slice(0, 80)) : `a value of type ${typeof wrong}`;
  return `must have host names only, as chat.example.org or .svc.cluster.local, without a port or *, not ${text}`;
};
