/** Ports for the fleet: the usual ones, those that are taken stepped over. */
import { createServer } from "node:net";
import { StargazerError } from "../../errors.ts";

export interface PortWish {
  /** whose port it is: `inference health` */
  readonly whose: string;
  readonly host: string;
  /** where to begin; 0: any */
  readonly from: number;
}

export interface GivenPort {
  readonly whose: string;
  readonly port: number;
  /** the ports before it that were not free */
  readonly taken: readonly number[];
}

/** Listens for a moment; the port that was had, or undefined where it is taken or not ours to open. */
const probe = (host: string, port: number): Promise<number | undefined> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : undefined));
    });
  });

const highest = 65_535;
const maxSteps = 200;

/** Gives each wish the first free port at or after its own that no earlier wish got. Throws `SG_ERR_CONFIG_INVALID` if there is none. */
export const givePorts = async (wishes: readonly PortWish[]): Promise<GivenPort[]> => {
  const given: GivenPort[] = [];
  for (const wish of wishes) given.push(await give(wish, new Set(given.map(({ port }) => port))));
  return given;
};

const give = async ({ whose, host, from }: PortWish, spoken: ReadonlySet<number>): Promise<GivenPort> => {
  const taken: number[] = [];
  for (let port = from; port <= Math.min(highest, from + maxSteps); port += 1) {
    if (spoken.has(port)) continue;
    const had = await probe(host, port);
    if (had !== undefined && !spoken.has(had)) return { whose, port: had, taken };
    if (from !== 0) taken.push(port);
  }
  throw new StargazerError("SG_ERR_CONFIG_INVALID", `no free port for ${whose} on ${host} from ${from} up`);
};
