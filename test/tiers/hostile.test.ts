/** What comes from outside into the gateway, and what goes out: broken frames, names of a prototype, the secret of a URL. */
import { once } from "node:events";
import { connect } from "node:net";
import { inspect } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { createLogger } from "../../src/logger.ts";
import { Registry } from "../../src/registry/registry.ts";
import type { StargazerService } from "../../src/service/service.ts";
import { GatewayService } from "../../src/tiers/gateway/gateway.ts";
import { messageKeys } from "../../src/tiers/messages/keys.ts";
import { WebService } from "../../src/tiers/web/web.ts";
import { ask } from "../kit/http-client.ts";
import { withPatience } from "../kit/patience.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { eventually } from "../kit/wait.ts";
import { Chat } from "../kit/webchat.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());
beforeEach(() => redis.witness.flushall());

const lines: string[] = [];
const started: StargazerService[] = [];
const chats: Chat[] = [];
afterEach(async () => {
  for (const { socket } of chats.splice(0)) socket.terminate();
  await Promise.all(started.splice(0).map((service) => service.shutdown()));
  lines.length = 0;
});
const options = () =>
  withPatience({
    redis: redis.url,
    jitterMaxMs: 0,
    healthPort: 0,
    logger: createLogger({}, { write: (line) => void lines.push(line) }),
    port: 0,
  });
const start = async <T extends StargazerService>(service: T): Promise<T> => {
  started.push(service);
  void service.runToCompletion();
  await service.waitFor("running");
  return service;
};
const gateway = () => start(new GatewayService(options()));
const portOf = ({ http }: { http: { port: number } | undefined }): number => http!.port;

/** A connection whose upgrade was accepted. */
const upgraded = async (port: number) => {
  const socket = connect(port, "127.0.0.1");
  const head = ["GET /webchat HTTP/1.1", "Host: localhost", "Connection: Upgrade", "Upgrade: websocket"];
  const key = ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="];
  socket.on("error", () => {}).write(`${[...head, ...key].join("\r\n")}\r\n\r\n`);
  const [first] = await once(socket, "data");
  expect(String(first)).toContain("101 Switching Protocols");
  return socket;
};

const frames: Record<string, readonly number[]> = {
  "without a mask": [0x81, 0x02, 0x68, 0x69],
  "with a reserved bit": [0xf1, 0x80, 0, 0, 0, 0],
  "with a reserved opcode": [0x83, 0x80, 0, 0, 0, 0],
  "that continues nothing": [0x80, 0x80, 0, 0, 0, 0],
  "of control in parts": [0x09, 0x80, 0, 0, 0, 0],
  "of control that is too long": [0x89, 0xfe, 0x00, 0x80, 0, 0, 0, 0],
  "of 2^63 bytes": [0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0],
  "of 4 GiB": [0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0],
  "that is no UTF-8": [0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28],
  "of closing with one byte": [0x88, 0x81, 0, 0, 0, 0, 0x03],
  "of closing with a reserved code": [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xed],
};

it("a frame that is against the protocol ends its own connection, and no other", async () => {
  const port = portOf(await gateway());
  const page = await Chat.open(port);
  chats.push(page);
  const ends = Object.entries(frames).map(async ([, bytes]) => {
    const socket = await upgraded(port);
    socket.write(Uint8Array.from(bytes));
    await once(socket.resume(), "close");
  });
  await Promise.all(ends);
  page.send("still here");
  await eventually("the acceptance", () => page.of("accepted")[0]);
});

const polluting = [
  '{"type":"message","page":"aaaaaaaaaaaaaaaa","n":1,"text":"hi","__proto__":{"polluted":true}}',
  '{"type":"message","page":"aaaaaaaaaaaaaaaa","n":2,"text":"hi","constructor":{"prototype":{"polluted":true}}}',
  '{"__proto__":{"type":"message","page":"aaaaaaaaaaaaaaaa","n":3,"text":"hi","polluted":true}}',
  '{"type":"__proto__","text":"hi"}',
  '{"type":"constructor"}',
];

it("names of a prototype in a message, an entry or an address change no prototype", async () => {
  const page = await Chat.open(portOf(await gateway()), { session: "__proto__" });
  chats.push(page);
  for (const text of polluting) page.socket.send(text);
  await eventually("each is answered", () => page.of("accepted").length + page.of("error").length === polluting.length);
  const entry = (await redis.witness.keys("sg:registry:service:gateway:*"))[0]!;
  const text = (await redis.witness.get(entry))!;
  await redis.witness.set(entry, text.replace('"metadata":{', '"metadata":{"__proto__":{"polluted":true},'));
  expect(await new Registry(redis.witness).list("gateway")).toEqual([]);
  await redis.witness.set(entry, text);
  expect(await new Registry(redis.witness).list("gateway")).toHaveLength(1);
  expect(await redis.witness.xlen(messageKeys(redis.witness).inbound)).toBe(page.of("accepted").length);
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});

it("the password of Redis is in no line, answer, entry, report or page, with Redis there and away", async () => {
  const own = await startTestRedis();
  const tiers = [new GatewayService({ ...options(), redis: own.url }), new WebService({ ...options(), redis: own.url })];
  for (const tier of tiers) await start(tier);
  const entries = await new Registry(own.witness).list();
  const ports = [...tiers.map(portOf), ...entries.map(({ health }) => health!.port)];
  const shown: unknown[] = [entries];
  const look = async () => {
    for (const port of ports)
      for (const path of ["/", "/status", "/metrics", "/readyz", "/api/fleet"]) shown.push(await ask(port, path));
    for (const tier of tiers) shown.push(inspect(tier.status(), { depth: 10 }));
  };
  await look();
  own.kill();
  await eventually("the outage is noticed", () => lines.some((line) => line.includes("connection refused")));
  await look();
  for (const tier of tiers) shown.push(inspect(await tier.shutdown(), { depth: 10 }));
  expect(shown.length).toBeGreaterThan(20);
  expect(lines.length).toBeGreaterThan(5);
  expect(JSON.stringify([shown, lines])).not.toContain(own.password);
  await own.stop();
});
