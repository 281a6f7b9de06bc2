// @ts-check
/** The advice for a cause, by the words in it. Pure. */

/** @import { WireRow } from "../wire.ts" */

/** By what a cause contains; the first that fits. @type {readonly (readonly [RegExp, string])[]} */
const known = [
  [/\bEACCES\b|\bEPERM\b|permission denied/i, "Give the user of the process the right to that file or port."],
  [/\bENOENT\b|no such file/i, "Put the file where the service looks for it, or correct the path."],
  [/\bEADDRINUSE\b|address already in use/i, "Another process has that port: stop it, or choose another port."],
  [/\bECONNREFUSED\b/, "What it connects to does not listen there: start it, or correct the address."],
  [/\bENOTFOUND\b|\bEAI_AGAIN\b/, "The name cannot be resolved: correct it, or look at the DNS."],
  [/\bETIMEDOUT\b|\bEHOSTUNREACH\b/, "The address is not reached from there: look at the network."],
  [/heap out of memory|\bENOMEM\b/i, "Give it more memory, or look for what grows."],
  [/MODULE_NOT_FOUND|cannot find (?:module|package)/i, "A package is missing from that release: install it and deploy again."],
  [/redis is not reachable/i, "It keeps running; one check that passes makes it ready again. Look at Redis and the network."],
  [/event loop/i, "Look at what it computes: stargazer inspect, or a CPU profile."],
  [/the check '/, "It keeps running; the check that passes makes it ready again."],
  [/draining|stopping|drain/i, "It takes no new work and ends by itself."],
  [
    /TIMEOUT|did not end within|within its deadline/i,
    "Look at what that step waits for; then raise its deadline or mend the wait.",
  ],
];

/** @type {(cause: string, row: Pick<WireRow, "service" | "instance">) => string} */
export const adviceFor = (cause, { service, instance }) =>
  known.find(([words]) => words.test(cause))?.[1] ?? `Ask for more: stargazer why ${service}/${instance}.`;
