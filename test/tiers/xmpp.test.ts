/** The platform XMPP over a real server: once where ids are known, at least once otherwise, and over a time without a server. */
import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { createServer } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "../../src/logger.ts";
import type { StargazerService } from "../../src/service/service.ts";
import { GatewayService } from "../../src/tiers/gateway/gateway.ts";
import type { PlatformHost } from "../../src/tiers/gateway/platform.ts";
import { Xmpp } from "../../src/tiers/gateway/xmpp.ts";
import { InferenceService } from "../../src/tiers/inference/inference.ts";
import type { Acceptance } from "../../src/tiers/messages/accept.ts";
import { messageKeys } from "../../src/tiers/messages/keys.ts";
import { xmppSettings } from "../../src/tiers/settings.ts";
import { withPatience } from "../kit/patience.ts";
import type { Prosody } from "../kit/prosody.ts";
import { hasProsody, startProsody } from "../kit/prosody.ts";
import { LoopbackProxy } from "../kit/proxy.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { eventually } from "../kit/wait.ts";

if (!hasProsody) console.warn("prosody is not installed (apt install prosody): the tests over a real XMPP server are skipped");

interface Element {
  readonly attrs: Record<string, string>;
  is(name: string): boolean;
  getChildText(name: string): string | null;
}
interface Client {
  on(event: string, listener: (value: never) => void): void;
  start(): Promise<unknown>;
  stop(): Promise<unknown>;
  send(element: Element): Promise<void>;
}
const library = async () => {
  const name = "@xmpp/client";
  return (await import(name)) as {
    client(options: object): Client;
    xml(name: string, attrs: object, ...children: unknown[]): Element;
  };
};

describe("the settings of XMPP", () => {
  const read = (own: Record<string, string>) => {
    Object.assign(process.env, own);
    try {
      return xmppSettings();
    } finally {
      for (const name of ["XMPP_JID", "XMPP_PASSWORD", "XMPP_SERVICE"]) delete process.env[name];
    }
  };
  const full = { XMPP_JID: "bot@example.org", XMPP_PASSWORD: "s3cret" };

  it("are those of the account, and none where no account is named", () => {
    expect(read({ XMPP_PASSWORD: "s3cret" })).toBeUndefined();
    expect(read({ ...full, XMPP_SERVICE: "xmpp://h:5222" })).toEqual({
      service: "xmpp://h:5222",
      jid: "bot@example.org",
      password: "s3cret",
    });
  });

  it.each([
    ["XMPP_JID", { ...full, XMPP_JID: "bot" }],
    ["XMPP_PASSWORD", { XMPP_JID: "bot@example.org" }],
    ["XMPP_SERVICE", { ...full, XMPP_SERVICE: "http://h" }],
  ])("name %s where it is wrong, without the password", (variable, own) => {
    expect(() => read(own)).toThrow(expect.objectContaining({ code: "SG_ERR_CONFIG_INVALID" }));
    expect(() => read(own)).toThrow(new RegExp(`^${variable} (?!.*s3cret)`));
  });
});

it("a server that accepts connections and is silent is connected to again, and one that refuses them then causes no rejection", async () => {
  let connections = 0;
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    connections += 1;
    socket.on("error", () => {});
    sockets.push(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const service = `xmpp://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const ends: (() => unknown)[] = [];
  const reasons: string[] = [];
  const away = ({ reason }: { reason?: string }) => void reasons.push(reason ?? "");
  const log = { ...silentLogger, debug: away, warn: away };
  const host = { log, signal: new AbortController().signal, defer: (end: () => unknown) => ends.push(end) };
  const platform = new Xmpp({ service, jid: "bot@localhost", password: "secret" }, { loginMs: 50 });
  try {
    await platform.open(host as unknown as PlatformHost);
    await eventually("another connection", () => connections > 1);
    server.close();
    for (const socket of sockets) socket.destroy();
    await eventually("a refusal", () => reasons.some((reason) => /ECONNREFUSED/.test(reason)));
  } finally {
    for (const end of ends.reverse()) await end();
  }
});

describe.skipIf(!hasProsody)("a conversation over XMPP", () => {
  let redis: TestRedis;
  let prosody: Prosody;
  beforeAll(async () => {
    [redis, prosody] = await Promise.all([startTestRedis(), startProsody("bot", "alice")]);
  });
  afterAll(async () => {
    await prosody?.stop();
    await redis.stop();
  });
  beforeEach(() => redis.witness.flushall());

  const ends: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });
  const start = async (service: StargazerService): Promise<void> => {
    await service.boot();
    void service.runToCompletion();
    await service.waitFor("running");
    ends.push(() => service.shutdown());
  };
  const common = () => withPatience({ redis: redis.url, useHealthServer: false, jitterMaxMs: 0, logger: silentLogger });
  const account = () => ({ service: prosody.url, jid: "bot@localhost", password: "secret" });
  let connected = 0;
  const noting = { ...silentLogger, info: ({ type }: { type?: string }) => void (connected += type === "xmpp.online" ? 1 : 0) };
  /** A gateway, once it is connected. */
  const gateway = async (priority?: number) => {
    const before = connected;
    const platforms = [new Xmpp({ ...account(), ...(priority !== undefined && { priority }) })];
    await start(new GatewayService({ ...common(), logger: noting, port: 0, platforms }));
    await eventually("it is connected", () => connected > before);
  };
  /** A gateway's platform that calls `accept` for what it receives. */
  const receiver = async (accept: PlatformHost["accept"], service = prosody.url): Promise<void> => {
    const before = connected;
    const { signal } = new AbortController();
    const host = { log: noting, signal, accept, defer: (end: () => Promise<unknown>) => ends.push(end) };
    await new Xmpp({ ...account(), service }).open(host as unknown as PlatformHost);
    await eventually("it is connected", () => connected > before);
  };
  const inference = () =>
    start(new InferenceService({ ...common(), responder: { name: "echo", respond: async (text) => `re ${text}` } }));

  /** A contact, and what it has received: the id and text of each message. */
  const contact = async () => {
    const { client, xml } = await library();
    const alice = client({ service: prosody.url, domain: "localhost", username: "alice", password: "secret" });
    const received: (readonly [string | undefined, string])[] = [];
    let isOnline = false;
    alice.on("error", () => {});
    alice.on("online", () => {
      isOnline = true;
      void alice.send(xml("presence", {})).catch(() => {});
    });
    alice.on("stanza", (stanza: Element) => {
      const text = stanza.is("message") ? stanza.getChildText("body") : null;
      if (text !== null) received.push([stanza.attrs.id, text]);
    });
    void alice.start().catch(() => {});
    await eventually("she is online", () => isOnline);
    ends.push(() => alice.stop());
    const send = (id: string | undefined, text: string) =>
      alice.send(xml("message", { to: "bot@localhost", type: "chat", ...(id !== undefined && { id }) }, xml("body", {}, text)));
    return { send, received };
  };
  const accepted = () => redis.witness.xlen(messageKeys(redis.witness).inbound);

  it("answers in order, under the id of the answer; a message that is repeated with its id is accepted once", async () => {
    await gateway();
    await inference();
    const alice = await contact();
    for (const n of [1, 2, 2, 3]) await alice.send(`m${n}`, `${n}`);
    await eventually("three answers are there", () => alice.received.length >= 3);
    expect(alice.received.map(([, text]) => text)).toEqual(["re 1", "re 2", "re 3"]);
    expect(alice.received.every(([id]) => id?.startsWith("re:xmpp."))).toBe(true);
    expect(await accepted()).toBe(3);
    for (const _ of [1, 2]) await alice.send(undefined, "4");
    await eventually("without an id it is accepted and answered twice", () => alice.received.length === 5);
    expect(await accepted()).toBe(5);
  });

  it("accepts a message whose id was that of another one, as after its sender connected again", async () => {
    await gateway();
    const alice = await contact();
    for (const text of ["1", "2"]) await alice.send("m1", text);
    await eventually("both are accepted", async () => (await accepted()) === 2);
  });

  it("goes to one of several gateways, also without an id", async () => {
    for (const priority of [1, 2]) await gateway(priority);
    await inference();
    const alice = await contact();
    for (const text of ["1", "2"]) await alice.send(undefined, text);
    await eventually("the last one is answered", () => alice.received.some(([, text]) => text === "re 2"));
    expect(await accepted()).toBe(2);
  });

  it("a message that a gateway received, and had not accepted when it died, is received by the next one that connects", async () => {
    const proxy = await LoopbackProxy.start(Number(new URL(prosody.url).port));
    ends.push(() => proxy.stop());
    let sent = "";
    proxy.beforeUp = async (chunk) => {
      sent += chunk.toString();
    };
    let isReceived = false;
    const never = () => {
      isReceived = true;
      return new Promise<Acceptance>(() => {});
    };
    await receiver(never, proxy.through(prosody.url));
    const alice = await contact();
    await alice.send("m1", "1");
    await eventually("it is received", () => isReceived);
    const confirmation = /<a xmlns=.urn:xmpp:sm:3/;
    const before = sent.length;
    await alice.send("m2", "2");
    await eventually("the server has a confirmation", () => confirmation.test(sent.slice(before)));
    await proxy.refuse();
    await eventually("the server has given up the connection", () => prosody.kept("bot") === 2);
    const received: string[] = [];
    await receiver(async ({ text }) => {
      received.push(text);
      return { type: "accepted", line: "1-0" };
    });
    await eventually("both are received", () => new Set(received).size === 2);
    expect([...new Set(received)]).toEqual(["1", "2"]);
  });

  it("delivers an answer that is written while no server is there, once it is back", async () => {
    await gateway();
    const alice = await contact();
    await alice.send("m1", "1");
    await eventually("it is accepted", async () => (await accepted()) === 1);
    await prosody.stop();
    await inference();
    const { outbound } = messageKeys(redis.witness);
    await eventually("the answer is under way", async () => (await redis.witness.hlen(`${outbound("xmpp")}:heads`)) === 1);
    await prosody.start();
    await eventually("she has it", () => alice.received.some(([, text]) => text === "re 1"));
    await eventually("it is settled", async () => (await redis.witness.exists(`${outbound("xmpp")}:heads`)) === 0);
    expect(new Set(alice.received.filter(([, text]) => text === "re 1").map(([id]) => id)).size).toBe(1);
  });
});
