/** Whether the services of this machine can listen on the hosts that the environment names. */
import { createServer } from "node:net";
import { fromEnvironment } from "../environment.ts";
import { portProblem } from "../http/port-problem.ts";
import { until } from "../until.ts";

/** ms for one host, the look-up of its name included */
const timeoutMs = 3000;

/** Listens on any free port of the host, and closes. */
const listen = (host: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen({ host, port: 0, exclusive: true }, () => server.close(() => resolve()));
  });

const reason = (error: NodeJS.ErrnoException, host: string): string =>
  error.name === "TimeoutError" ? "its name was not resolved in time" : portProblem(error, host).clause;

/** Why nothing can listen on the host of that variable, as a sentence without its full stop; empty if something can. */
export const hostProblems = async (variable: "SG_HTTP_HOST" | "SG_HEALTH_HOST"): Promise<string[]> => {
  const host = fromEnvironment(variable) ?? "127.0.0.1";
  try {
    await until(listen(host), { signal: AbortSignal.timeout(timeoutMs), what: "the host" });
    return [];
  } catch (error) {
    return [
      `${variable} is ${JSON.stringify(host)}, which cannot be listened on: ${reason(error as NodeJS.ErrnoException, host)}`,
    ];
  }
};
