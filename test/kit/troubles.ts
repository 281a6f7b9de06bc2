/** A real Redis of a test's own, in each of the ways in which one can be in trouble. */
import { LoopbackProxy } from "./proxy.ts";
import type { TestRedis } from "./redis.ts";
import { startTestRedis } from "./redis.ts";
import { eventually } from "./wait.ts";

export interface Troubled {
  readonly redis: TestRedis;
  readonly proxy: LoopbackProxy;
  /** through the proxy, with the password that was right at the beginning */
  readonly url: string;
}

export interface Trouble {
  readonly name: string;
  /** what the message of the service has to match */
  readonly message: RegExp;
  /** nothing answers, so an attempt lasts until its own deadline */
  readonly silent: boolean;
  begin(troubled: Troubled): Promise<unknown>;
  end(troubled: Troubled): Promise<unknown>;
}

/** so long that the loading does not end by itself, so short that it answers between two keys */
const loadDelayUs = 5000;
const keys = 8000;

/** The server reads its data back in, slowly, and goes on to answer that it is loading. */
const reload = async ({ redis }: Troubled): Promise<void> => {
  const { witness } = redis;
  await witness.config("SET", "key-load-delay", String(loadDelayUs));
  await witness.mset(...Array.from({ length: keys }, (_, at) => [`load:${at}`, "x".repeat(1100)]).flat());
  const loader = witness.duplicate({ commandTimeout: undefined, socketTimeout: undefined } as object);
  await loader.connect();
  loader.on("error", () => {});
  const reloaded = loader.call("DEBUG", "RELOAD").finally(() => loader.disconnect());
  const begun = eventually("it loads", async () => (await witness.info("persistence")).includes("loading:1"));
  // a refusal of the command is the reason why it does not load; the load outlasts the test, whose end ends it
  await Promise.race([begun, reloaded.then(() => begun)]);
  reloaded.catch(() => {});
};

/** Of the user that the service connects as. */
const setPassword = ({ redis: { witness, url } }: Troubled, password: string) =>
  witness.acl("SETUSER", new URL(url).username, "resetpass", `>${password}`);

export const troubles: readonly Trouble[] = [
  {
    name: "refused",
    message: /connection refused/,
    silent: false,
    begin: ({ proxy }) => proxy.refuse(),
    end: ({ proxy }) => proxy.accept(),
  },
  {
    name: "a black hole",
    message: /no answer/,
    silent: true,
    begin: async ({ proxy }) => (proxy.mode = "stall"),
    end: async ({ proxy }) => {
      proxy.mode = "pass";
      proxy.cut();
    },
  },
  {
    name: "frozen",
    message: /no answer/,
    silent: true,
    begin: async ({ redis }) => redis.freeze(),
    end: async ({ redis }) => redis.thaw(),
  },
  {
    name: "slow beyond the deadline",
    message: /no answer/,
    silent: true,
    begin: async ({ proxy }) => Object.assign(proxy, { mode: "slow", delayMs: 1500 }),
    end: async ({ proxy }) => (proxy.mode = "pass"),
  },
  {
    name: "a password that it does not know",
    message: /wrong user or password/,
    silent: false,
    begin: (troubled) => setPassword(troubled, "another"),
    end: (troubled) => setPassword(troubled, new URL(troubled.redis.url).password),
  },
  {
    name: "loading",
    message: /loading its data/,
    silent: false,
    begin: reload,
    end: ({ redis }) => redis.witness.config("SET", "key-load-delay", "0"),
  },
  {
    name: "a read-only replica",
    message: /a read-only replica/,
    silent: false,
    begin: ({ redis }) => redis.witness.replicaof("127.0.0.1", redis.port),
    end: ({ redis }) => redis.witness.replicaof("NO", "ONE"),
  },
  {
    name: "full (maxclients)",
    message: /maximum of clients|maxclients|reset|closed/,
    silent: false,
    begin: ({ redis }) => redis.witness.config("SET", "maxclients", "1"),
    end: ({ redis }) => redis.witness.config("SET", "maxclients", "1000"),
  },
];

/** A server, a proxy before it, and the trouble begun. Stop both. */
export const startTroubled = async (trouble: Trouble): Promise<Troubled> => {
  const redis = await startTestRedis({ config: ["loading-process-events-interval-bytes 1024"] });
  const proxy = await LoopbackProxy.start(redis.port);
  const troubled = { redis, proxy, url: proxy.through(redis.url) };
  await trouble.begin(troubled);
  return troubled;
};
