/** Ports for the fleet: the usual ones, those that are taken stepped over. */
import { createServer } from "node:net";
import { StargazerError } from "../errors.ts";
import { reasonOf } from "../redis/reason.ts";
import { until } from "../until.ts";

export interface PortWish {
  /** whose port it is: `inference health` */
  readonly whose: string;
  readonly host: string;
  /** the variable that names the host, for the way out of one that cannot be listened on */
  readonly hostVariable: string;
  /** where to begin; 0: any */
  readonly from: number;
}

export interface GivenPort {
  readonly whose: string;
  readonly port: number;
  /** the ports before it that were not free */
  readonly taken: readonly number[];
}

/** ms for one look, the host name's address included */
const probeTimeoutMs = 3000;
/** What says something about the port rather than about the host. */
const takenCodes = ["EADDRINUSE", "EACCES"];

/** Listens for a moment; the port that was had, or undefined where it is taken or not ours to open. Rejects where the host is none. */
const listen = (host: string, port: number): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) =>
      takenCodes.includes(error.code ?? "") ? resolve(undefined) : reject(error),
    );
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : undefined));
    });
  });

const causes: Readonly<Record<string, string>> = { EADDRNOTAVAIL: "it is no address of this machine" };

const probe = ({ host, hostVariable }: PortWish, port: number): Promise<number | undefined> =>
  until(listen(host, port), { signal: AbortSignal.timeout(probeTimeoutMs), what: "the port" }).catch(
    (cause: NodeJS.ErrnoException) => {
      const reason =
        cause.name === "TimeoutError" ? "its name was not resolved in time" : (causes[cause.code ?? ""] ?? reasonOf(cause));
      const message = `${hostVariable} is ${JSON.stringify(host)}, which cannot be listened on: ${reason}`;
      throw new StargazerError("SG_ERR_CONFIG_INVALID", message, { cause });
    },
  );

const highest = 65_535;
const maxSteps = 200;

/** Ports that may be free now and are not ours to take all the same. */
export interface Taken {
  /** by others of this fleet, which is nothing to tell */
  readonly spoken: Iterable<number>;
  /** by another fleet on this machine, which does not listen yet */
  isClaimed(port: number): boolean;
}

/** Gives each wish the first free port at or after its own. Throws `SG_ERR_CONFIG_INVALID` if there is none, or no such host. */
export const givePorts = async (wishes: readonly PortWish[], { spoken, isClaimed }: Taken): Promise<GivenPort[]> => {
  const given: GivenPort[] = [];
  for (const wish of wishes) {
    const own = new Set([...spoken, ...given.map(({ port }) => port)]);
    given.push(await give(wish, { spoken: own, isClaimed }));
  }
  return given;
};

const give = async (wish: PortWish, { spoken, isClaimed }: Taken & { readonly spoken: Set<number> }): Promise<GivenPort> => {
  const { whose, host, from } = wish;
  const taken: number[] = [];
  for (let step = 0; step <= maxSteps; step += 1) {
    const port = from === 0 ? 0 : from + step;
    if (port > highest) break;
    if (spoken.has(port)) continue;
    const had = isClaimed(port) ? undefined : await probe(wish, port);
    if (had !== undefined && !spoken.has(had) && !isClaimed(had)) return { whose, port: had, taken };
    if (from !== 0) taken.push(port);
  }
  throw new StargazerError("SG_ERR_CONFIG_INVALID", `no free port for ${whose} on ${host} from ${from} up`);
};
