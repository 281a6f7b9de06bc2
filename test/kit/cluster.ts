/** A Redis Cluster of three masters, and the slot of all our keys, which can be moved. */
import { reservePort } from "./port-reservation.ts";
import type { TestRedis } from "./redis.ts";
import { startTestRedis } from "./redis.ts";
import { eventually } from "./wait.ts";

const slots = 16_384;
const password = "all-have-the-same";

export interface TestCluster {
  readonly password: string;
  readonly nodes: readonly TestRedis[];
  /** the node that has our keys */
  owner(): Promise<TestRedis>;
  /** Moves our slot, key by key, as a rebalancing does. Resolves with the number of keys once every node knows. */
  moveTo(target: TestRedis, beforeEachKey?: () => Promise<void>): Promise<number>;
  stop(): Promise<void>;
}

export const startCluster = async (): Promise<TestCluster> => {
  const nodes = await Promise.all(Array.from({ length: 3 }, startNode));
  const [first] = nodes;
  await Promise.all(nodes.map(({ redis }, at) => redis.witness.cluster("ADDSLOTSRANGE", ...shareOf(at))));
  for (const { redis, bus } of nodes.slice(1)) await first!.redis.witness.call("CLUSTER", "MEET", "127.0.0.1", redis.port, bus);
  const all = nodes.map(({ redis }) => redis);
  await eventually("the cluster is up", () => isUp(all));
  const slot = Number(await first!.redis.witness.call("CLUSTER", "KEYSLOT", "{sg}:"));
  return {
    password,
    nodes: all,
    owner: () => ownerOf(all, slot),
    moveTo: async (target, beforeEachKey) => moveSlot(all, slot, { source: await ownerOf(all, slot), target }, beforeEachKey),
    stop: async () => void (await Promise.all(all.map((redis) => redis.stop()))),
  };
};

const startNode = async () => {
  const { port: bus } = await reservePort();
  const config = ["cluster-enabled yes", "cluster-announce-ip 127.0.0.1", `cluster-port ${bus}`, "cluster-node-timeout 2000"];
  return { bus, redis: await startTestRedis({ password, config: [...config, `masterauth ${password}`] }) };
};

const shareOf = (at: number): [number, number] => [Math.ceil((slots / 3) * at), Math.ceil((slots / 3) * (at + 1)) - 1];

const isUp = async (nodes: readonly TestRedis[]): Promise<boolean> => {
  const infos = await Promise.all(nodes.map(({ witness }) => witness.cluster("INFO")));
  return infos.every((info) => String(info).includes("cluster_state:ok") && String(info).includes("cluster_known_nodes:3"));
};

const idOf = async ({ witness }: TestRedis): Promise<string> => String(await witness.call("CLUSTER", "MYID"));

const slotsOf = async ({ witness }: TestRedis): Promise<[number, number, [string, number]][]> =>
  (await witness.cluster("SLOTS")) as unknown as [number, number, [string, number]][];

const portOfSlot = async (asked: TestRedis, slot: number): Promise<number | undefined> =>
  (await slotsOf(asked)).find(([from, to]) => from <= slot && slot <= to)?.[2][1];

const ownerOf = async (nodes: readonly TestRedis[], slot: number): Promise<TestRedis> => {
  const port = await portOfSlot(nodes[0]!, slot);
  return nodes.find((node) => node.port === port)!;
};

interface Move {
  readonly source: TestRedis;
  readonly target: TestRedis;
}

const moveSlot = async (
  nodes: readonly TestRedis[],
  slot: number,
  { source, target }: Move,
  beforeEachKey: () => Promise<void> = async () => {},
): Promise<number> => {
  const [from, to] = await Promise.all([idOf(source), idOf(target)]);
  await target.witness.cluster("SETSLOT", slot, "IMPORTING", from);
  await source.witness.cluster("SETSLOT", slot, "MIGRATING", to);
  let moved = 0;
  for (;;) {
    const [key] = (await source.witness.cluster("GETKEYSINSLOT", slot, 1)) as string[];
    if (key === undefined) break;
    await beforeEachKey();
    await source.witness.call("MIGRATE", "127.0.0.1", target.port, key, 0, 1000, "AUTH", password);
    moved += 1;
  }
  for (const node of [target, source, ...nodes]) await node.witness.cluster("SETSLOT", slot, "NODE", to);
  await eventually("every node knows", async () =>
    (await Promise.all(nodes.map((node) => portOfSlot(node, slot)))).every((port) => port === target.port),
  );
  return moved;
};
