/** The five tiers, in this process, on a real Redis and real sockets. */

import { once } from "node:events";
import { existsSync } from "node:fs";
import { get } from "node:http";
import { chromium } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { silentLogger } from "../../src/logger.ts";
import type { RegistryEntry } from "../../src/registry/registry.ts";
import { Registry } from "../../src/registry/registry.ts";
import type { StargazerService } from "../../src/service/service.ts";
import { AgentsService } from "../../src/tiers/agents/agents.ts";
import { ConsolidationService } from "../../src/tiers/consolidation/consolidation.ts";
import { edgeOf } from "../../src/tiers/consolidation/edge.ts";
import { GatewayService } from "../../src/tiers/gateway/gateway.ts";
import type { HttpTierOptions } from "../../src/tiers/http-tier.ts";
import { tiers } from "../../src/tiers/index.ts";
import type { InferenceOptions } from "../../src/tiers/inference/inference.ts";
import { InferenceService } from "../../src/tiers/inference/inference.ts";
import type { Responder } from "../../src/tiers/inference/responder.ts";
import { tierKeys } from "../../src/tiers/keys.ts";
import { accept } from "../../src/tiers/messages/accept.ts";
import { messageKeys } from "../../src/tiers/messages/keys.ts";
import { WebService } from "../../src/tiers/web/web.ts";
import { deadlines } from "../kit/deadlines.ts";
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

const common = () => withPatience({ redis: redis.url, useHealthServer: false, jitterMaxMs: 0, logger: silentLogger });
const started: StargazerService[] = [];
const chats: Chat[] = [];
afterEach(async () => {
  for (const { socket } of chats.splice(0)) socket.terminate();
  const reports = await Promise.all(started.splice(0).map((service) => service.shutdown()));
  expect(reports.flatMap(({ failures }) => failures)).toEqual([]);
});

/** Boots a tier and has it running; it is stopped after the test, which must not fail. */
const start = async <T extends StargazerService>(service: T): Promise<T> => {
  started.push(service);
  await service.boot();
  void service.runToCompletion();
  await service.waitFor("running");
  return service;
};
const gateway = () => start(new GatewayService({ ...common(), port: 0 }));
const web = (options: HttpTierOptions = {}) => start(new WebService({ ...common(), port: 0, ...options }));
const inference = (options: InferenceOptions = {}) => start(new InferenceService({ ...common(), ...options }));
const chat = async (port: number, options?: Parameters<typeof Chat.open>[1]) => {
  const opened = await Chat.open(port, options);
  chats.push(opened);
  return opened;
};
const portOf = ({ http }: { http: { port: number } | undefined }): number => http!.port;
const echo: Responder = { name: "echo", respond: async (text) => `echo ${text}` };

describe("the list of tiers", () => {
  it("names the five in the order of their boot", () => {
    expect(tiers.map(({ name }) => name)).toEqual(["gateway", "inference", "agents", "consolidation", "web"]);
  });

  it.each(tiers.map((tier) => [tier.name, tier] as const))(
    "%s boots, runs, is registered, and leaves nothing when it stops",
    async (name, tier) => {
      const Tier = await tier.load();
      // the ports are options of the tiers that have one, and unknown to the others
      const port = name === "gateway" || name === "web" ? { port: 0 } : {};
      const service = await start(new Tier({ ...common(), ...port } as object));
      expect(service.serviceName).toBe(name);
      const listed = () => new Registry(redis.witness).list(name);
      await eventually("it is listed as running", async () => (await listed())[0]?.status === "running");
      const [entry] = await listed();
      expect(entry?.instance).toBe(service.instanceId);
      const report = await service.shutdown();
      expect([report.outcome, report.exitCode, report.failures]).toEqual(["shutdown", 0, []]);
      expect(await new Registry(redis.witness).list()).toEqual([]);
      await eventually("its connections are gone", async () => {
        const clients = String(await redis.witness.client("LIST"));
        return clients.trim().split("\n").length === 1;
      });
    },
  );
});

describe("a conversation", () => {
  it("goes from the gateway through inference back to the page that asked", async () => {
    const page = await chat(portOf(await gateway()));
    await inference({ responder: echo });
    page.send("hello");
    await eventually("the reply", () => page.replies.length > 0 && page.of("accepted").length > 0);
    const [reply] = page.replies;
    expect(reply).toMatchObject({ role: "assistant", text: "echo hello", to: page.of("accepted")[0]!.id });
  });

  it("is answered by the offline responder, which names itself, when no model is configured", async () => {
    const page = await chat(portOf(await gateway()));
    await inference();
    page.send("hello");
    await eventually("the reply", () => page.replies.length > 0);
    const [reply] = page.replies;
    expect(reply!.text).toMatch(/No model is connected.*offline.*hello/);
  });

  it("keeps the order of its messages", async () => {
    const page = await chat(portOf(await gateway()));
    await inference({ responder: echo });
    const lines = Array.from({ length: 20 }, (_, at) => `${at}`);
    for (const line of lines) page.send(line);
    await eventually("all replies", () => page.replies.length === lines.length);
    expect(page.replies.map((reply) => reply.text)).toEqual(lines.map((line) => `echo ${line}`));
  });

  it("gets its answers on the gateway that holds the page, whichever gateway reads them", async () => {
    const gateways = [await gateway(), await gateway()];
    const pages = await Promise.all([0, 1, 0, 1, 0, 1].map((at) => chat(portOf(gateways[at]!))));
    await inference({ responder: echo });
    for (const [at, page] of pages.entries()) page.send(`page ${at}`);
    await eventually("each page's own reply", () => pages.every((page) => page.replies.length === 1));
    expect(pages.map((page) => page.replies[0]!.text)).toEqual(pages.map((_, at) => `echo page ${at}`));
  });

  it("survives its gateway: the page connects to another one and gets its answer there", async () => {
    const first = await gateway();
    const before = await chat(portOf(first));
    before.send("are you there");
    await eventually("it is accepted", () => before.of("accepted")[0]);
    await first.shutdown();
    await eventually("its end", () => before.closedWith === 1001);
    const after = await chat(portOf(await gateway()), { session: before.session });
    expect(after.channel).toBe(before.channel);
    await inference({ responder: echo });
    await eventually("the reply", () => after.replies[0]?.text === "echo are you there");
  });
});

describe("the gateway", () => {
  it("writes into its registry entry where it listens", async () => {
    const service = await gateway();
    const [entry] = await new Registry(redis.witness).list("gateway");
    expect(entry!.metadata.http).toEqual({ host: "127.0.0.1", port: portOf(service) });
  });

  it("answers an invalid message with an error, and goes on", async () => {
    const page = await chat(portOf(await gateway()));
    for (const bad of ["{", "null", '{"type":"shout"}', '{"type":"message","page":"x","n":0,"text":5}']) page.socket.send(bad);
    page.socket.send(Buffer.from([1, 2, 3]));
    for (const text of [" ", "x".repeat(16 * 1024 + 1)]) page.repeat(1, text);
    page.send("fine");
    await eventually("the good one is accepted", () => page.of("accepted")[0]);
    expect([page.of("error").length, page.of("refused").map(({ n }) => n)]).toEqual([5, [1, 1]]);
    expect(await redis.witness.xlen(messageKeys(redis.witness).inbound)).toBe(1);
  });

  it("ends a connection that sends more than a message can be", async () => {
    const page = await chat(portOf(await gateway()));
    page.socket.send("x".repeat(200_000));
    await eventually("it is closed", () => page.closedWith === 1009);
  });

  it("answers a message that Redis does not take with an error", async () => {
    const page = await chat(portOf(await gateway()));
    redis.freeze();
    try {
      page.send("hello");
      await eventually("the refusal", () => page.of("busy")[0]?.reason === "unavailable");
    } finally {
      redis.thaw();
    }
  });

  it("accepts pages of this machine and of the named origins only", async () => {
    const port = portOf(await gateway());
    await chat(port, { origin: "http://localhost:8090" });
    await expect(Chat.open(port, { origin: "http://evil.example" })).rejects.toThrow("403");
    const rebound = new WebSocket(`ws://127.0.0.1:${port}/webchat`, { headers: { host: "evil.example" } });
    await expect(once(rebound, "open")).rejects.toThrow("421");
  });

  it("fails to boot on a port that is taken, and the error names the variable", async () => {
    const port = portOf(await gateway());
    const second = new GatewayService({ ...common(), port });
    await expect(second.boot()).rejects.toThrow(new RegExp(`port ${port} on 127.0.0.1 is taken. Set SG_GATEWAY_PORT`));
  });

  it("refuses an invalid port in its constructor", () => {
    expect(() => new GatewayService({ ...common(), port: 70_000 })).toThrow(
      expect.objectContaining({ code: "SG_ERR_CONFIG_INVALID" }),
    );
  });
});

describe("agents and consolidation", () => {
  const send = (id: string, channel: string, at: number) =>
    accept(redis.witness, { id, platform: "webchat", channel, author: "visitor", text: "hi", at });

  it("agents count each conversation's messages once, however many agents there are", async () => {
    const now = Date.now();
    await Promise.all([send("1", "x", now - 2), send("2", "x", now - 1), send("3", "y", now)]);
    for (let count = 0; count < 3; count += 1) await start(new AgentsService({ ...common(), intervalMs: 20 }));
    const { summary, summaries, knowledge } = tierKeys(redis.witness);
    await eventually("the first summary", async () => (await redis.witness.hget(summary("webchat", "x"), "messages")) === "2");
    await send("4", "x", now + 1);
    await eventually("the next", async () => (await redis.witness.hget(summary("webchat", "x"), "messages")) === "3");
    expect(await redis.witness.hgetall(summary("webchat", "y"))).toMatchObject({ messages: "1", lastAt: `${now}` });
    expect(await redis.witness.zrange(summaries, "-inf", "+inf", "BYSCORE")).toEqual(["webchat/y", "webchat/x"]);
    expect(await redis.witness.zscore(knowledge, edgeOf("visitor", "speaks in", "webchat/x"))).toBe("3");
  });

  it("consolidation merges duplicates, lets weights decay and drops weak edges, once a pass", async () => {
    const { knowledge } = tierKeys(redis.witness);
    const lower = edgeOf("ada", "knows", "bob");
    await redis.witness.zadd(knowledge, 2, lower, 1, edgeOf(" Ada", "KNOWS", "Bob  "), 0.05, edgeOf("a", "b", "c"), 9, "no edge");
    for (let count = 0; count < 2; count += 1) await start(new ConsolidationService({ ...common(), intervalMs: 60_000 }));
    await eventually("the pass", async () => (await redis.witness.zcard(knowledge)) === 1);
    expect(Number(await redis.witness.zscore(knowledge, lower))).toBeCloseTo(3 * 0.95);
  });
});

describe("the page", () => {
  it("is served under a policy that allows nothing else", async () => {
    const port = portOf(await web());
    for (const [path, type] of [
      ["/", "text/html"],
      ["/tiers/web/page/app.js", "text/javascript"],
      ["/tiers/web/page/style.css", "text/css"],
    ] as const) {
      const { status, headers } = await ask(port, path);
      expect([status, headers["content-type"]]).toEqual([200, `${type}; charset=utf-8`]);
      expect(headers["content-security-policy"]).toMatch(
        /^default-src 'none'; connect-src 'self' [^*;]*ws:\/\/127.0.0.1:\*[^;]*; script-src 'self';/,
      );
    }
    expect((await ask(port, "/nothing")).status).toBe(404);
  });

  it("answers under an allowed name, as behind a reverse proxy, and to no other name and no page of another site", async () => {
    const port = portOf(await web({ allowedHosts: ["chat.example.org"] }));
    const asked = (headers: Record<string, string>) => ask(port, "/api/fleet", { headers });
    const proxied = await asked({ host: "chat.example.org" });
    expect(proxied.status).toBe(200);
    expect(proxied.headers["content-security-policy"]).toContain("wss://chat.example.org:*");
    expect(await asked({ host: "evil.example" })).toMatchObject({
      status: 421,
      data: { error: expect.stringContaining("SG_ALLOWED_HOSTS") },
    });
    expect((await asked({ "sec-fetch-site": "cross-site" })).status).toBe(403);
  });

  it("lists the fleet, and answers 503 while Redis does not answer", async () => {
    const service = await web();
    await gateway();
    const listed = await ask(portOf(service), "/api/fleet");
    expect(listed.data.map((entry: RegistryEntry) => entry.service)).toEqual(["gateway", "web"]);
    redis.freeze();
    try {
      expect((await ask(portOf(service), "/api/fleet")).status).toBe(503);
    } finally {
      redis.thaw();
    }
  });

  it("sends each reader every entry and then each change, and ends the streams when it stops", async () => {
    const service = await web();
    const outgoing = get({ host: "127.0.0.1", port: portOf(service), path: "/api/fleet/events" });
    const [response] = await once(outgoing, "response");
    let received = "";
    response.setEncoding("utf8").on("data", (chunk: string) => {
      received += chunk;
    });
    await eventually("itself", () => received.includes('"service":"web"') && received.includes('"isCurrent":true'));
    const other = await gateway();
    await eventually("the gateway, with its address", () => received.includes(`"host":"127.0.0.1","port":${portOf(other)}`));
    await other.shutdown();
    await eventually("its deregistration", () => received.includes('"gateways":[]'));
    const closed = once(response, "close");
    await service.shutdown();
    await closed;
  });

  const browserPath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
    existsSync(path),
  );
  it.skipIf(browserPath === undefined)(
    "shows the fleet and chats in a browser, without an error",
    { timeout: deadlines.test },
    async () => {
      const service = await web();
      await gateway();
      await inference({ responder: echo });
      const browser = await chromium.launch({ executablePath: browserPath!, args: ["--no-sandbox"] });
      try {
        const page = await browser.newPage();
        const problems: string[] = [];
        page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
        page.on("pageerror", (error) => problems.push(String(error)));
        await page.goto(`http://127.0.0.1:${portOf(service)}/`);
        for (const name of ["gateway", "inference", "web"])
          await page.waitForSelector(`.row[data-service=${name}][data-state=running]`);
        await page.waitForSelector("#text:enabled");
        await page.fill("#text", "<b>hello</b>");
        await page.click("#say button");
        await page.waitForSelector("li.theirs");
        expect(await page.textContent("li.theirs p")).toBe("echo <b>hello</b>");
        // the page knows the gateway that it chats through, the line the worker that answered
        expect(await page.textContent("li.theirs .hop")).toMatch(/^.+→.+→.+· \d/);
        expect(await page.locator("li.waiting").count()).toBe(0);
        await start(new AgentsService({ ...common(), intervalMs: 1000 }));
        await page.waitForSelector(".row[data-service=agents][data-state=running]");
        expect(problems).toEqual([]);
      } finally {
        await browser.close();
      }
    },
  );
});
