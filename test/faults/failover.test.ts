/** F26: Redis moves, by a failover of real Sentinels and by a slot of a real Cluster. */
import { afterEach, expect } from "vitest";
import { beatsAt } from "../kit/beats.ts";
import type { TestCluster } from "../kit/cluster.ts";
import { startCluster } from "../kit/cluster.ts";
import { fault, readable } from "../kit/fault.ts";
import { ask } from "../kit/http-client.ts";
import { endPrograms, Program } from "../kit/program.ts";
import type { Sentinels } from "../kit/sentinel.ts";
import { startSentinels } from "../kit/sentinel.ts";
import { eventually } from "../kit/wait.ts";

const endings: (() => unknown)[] = [];
afterEach(async () => {
  await endPrograms();
  for (const end of endings.splice(0).reverse()) await end();
});

const heartbeatMs = 5000;
/** far longer than a move takes, on a busy machine too: a lease that is lost all the same was not renewed at the new place */
const leaseTtlMs = 100_000;

const service = (client: object, options: object = {}) =>
  new Program("client-of-mine.mjs", { env: { SG_CLIENT: JSON.stringify(client), SG_TEST: JSON.stringify(options) } });
const troublesOf = ({ lines }: Program) =>
  lines.map(({ type }) => type).filter((type) => /^lease\.(suspect|lost|regained|superseded)/.test(type ?? ""));

/** Looks at `/status` all the while, until `stop` is called or the port is closed. */
class Beats {
  readonly confirmed: number[] = [];
  readonly #port: number;
  readonly #watching: Promise<void>;
  #on = true;

  constructor(port: number) {
    this.#port = port;
    this.#watching = this.#watch().catch(() => {});
  }

  get last(): number {
    return this.confirmed.at(-1) ?? 0;
  }

  async stop(): Promise<void> {
    this.#on = false;
    await this.#watching;
  }

  async #watch(): Promise<void> {
    while (this.#on) {
      const { data } = await ask(this.#port, "/status");
      const at = data.lease?.confirmedAt ?? 0;
      if (at !== this.last) this.confirmed.push(at);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

interface Entry {
  readonly status: string;
  readonly health: { readonly port: number } | null;
}

const beatsOf = async (read: () => Promise<string | null>): Promise<Beats> => {
  const entry = await eventually("an entry with status running", async () => {
    const found = JSON.parse((await read()) ?? "{}") as Entry;
    return found.status === "running" ? found : undefined;
  });
  return new Beats(entry!.health!.port);
};
const gapsOf = ({ confirmed }: Beats) => confirmed.slice(1).map((at, index) => at - confirmed[index]!);
const key = "sg:registry:service:fixture:one";

const sentinelStage = async (): Promise<{ sentinels: Sentinels; program: Program; beats: Beats }> => {
  const sentinels = await startSentinels();
  endings.push(() => sentinels.stop());
  const { ports, name, password, master } = sentinels;
  const client = { sentinels: ports.map((port) => ({ host: "127.0.0.1", port })), name, password };
  const program = service({ sentinel: client }, { instanceId: "one", heartbeatMs, leaseTtlMs });
  const beats = await beatsOf(() => master.witness.get(key));
  endings.push(() => beats.stop());
  return { sentinels, program, beats };
};

fault(
  "F26",
  "the master killed, three Sentinels",
  async (happened) => {
    const { sentinels, program, beats } = await sentinelStage();
    const { master, replica } = sentinels;
    // as a rule the next beat falls into the failover
    await eventually("a beat", () => beats.confirmed.length > 1);
    await new Promise((resolve) => setTimeout(resolve, heartbeatMs * 0.85));
    const killedAt = performance.now();
    master.kill();
    await eventually("another master", async () => (await sentinels.masterPort()) === replica.port);
    const failoverMs = performance.now() - killedAt;
    const { length } = beats.confirmed;
    await beatsAt(replica.witness, key);
    await eventually("a beat is confirmed", () => beats.confirmed.length > length);
    const gapMs = Math.max(...gapsOf(beats).slice(-1));
    expect(troublesOf(program)).not.toContain("lease.lost");
    program.signal("SIGTERM");
    expect(await program.ended, program.errors).toMatchObject({ code: 0 });
    expect(await replica.witness.exists(key)).toBe(0);
    happened(
      `the failover took ${readable(failoverMs)}, the next confirmed beat came ${readable(gapMs)} after the last one (every ${readable(heartbeatMs)})`,
    );
    happened(`${troublesOf(program).join(", ") || "the lease noticed nothing"}; deregistered at the new master`);
  },
  { slow: true },
);

const beatMs = 500;

const clusterStage = async (): Promise<{ cluster: TestCluster; program: Program; beats: Beats }> => {
  const cluster = await startCluster();
  endings.push(() => cluster.stop());
  const nodes = cluster.nodes.map(({ port }) => ({ host: "127.0.0.1", port }));
  const client = [nodes, { redisOptions: { password: cluster.password } }];
  const program = service({ cluster: client }, { instanceId: "one", heartbeatMs: beatMs, leaseTtlMs });
  const { witness } = await cluster.owner();
  const beats = await beatsOf(() => witness.get(`{sg}:${key}`));
  endings.push(() => beats.stop());
  return { cluster, program, beats };
};

fault(
  "F26",
  "our slot moved six times",
  async (happened) => {
    const { cluster, program, beats } = await clusterStage();
    let keys = 0;
    for (let move = 0; move < 6; move += 1) {
      const owner = await cluster.owner();
      const target = cluster.nodes.find((node) => node !== owner)!;
      keys += await cluster.moveTo(target);
      await beatsAt(target.witness, `{sg}:${key}`);
    }
    const { witness } = await cluster.owner();
    const gapMs = Math.max(...gapsOf(beats));
    expect(troublesOf(program)).not.toContain("lease.lost");
    expect(await witness.exists(`{sg}:${key}`)).toBe(1);
    program.signal("SIGTERM");
    expect(await program.ended, program.errors).toMatchObject({ code: 0 });
    expect(await witness.exists(`{sg}:${key}`)).toBe(0);
    happened(
      `${keys} keys moved between three nodes; longest time between two confirmed beats ${readable(gapMs)} (every ${readable(beatMs)})`,
    );
    happened(`${troublesOf(program).join(", ") || "the lease noticed nothing"}; deregistered where the slot was last`);
  },
  { slow: true },
);
