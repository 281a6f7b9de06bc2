/** Who may do what at the tiers with HTTP: the token, the names, the origins, and what is opened to other machines. */
import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { createToken, socketProtocols } from "../../src/http/token.ts";
import type { Logger } from "../../src/logger.ts";
import { Registry } from "../../src/registry/registry.ts";
import type { StargazerService } from "../../src/service/service.ts";
import { GatewayService } from "../../src/tiers/gateway/gateway.ts";
import type { HttpTier, HttpTierOptions } from "../../src/tiers/http-tier.ts";
import { InferenceService } from "../../src/tiers/inference/inference.ts";
import { exposureOf, gatewaySettings, webSettings } from "../../src/tiers/settings.ts";
import { WebService } from "../../src/tiers/web/web.ts";
import { launchBrowser, openPage } from "../kit/browser.ts";
import { ask } from "../kit/http-client.ts";
import { withPatience } from "../kit/patience.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { eventually } from "../kit/wait.ts";

const browser = await launchBrowser("the page that is opened by its link, and without");
let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(async () => {
  await browser?.close();
  await redis.stop();
});
beforeEach(() => redis.witness.flushall());

const token = createToken();
const bearer = { authorization: `Bearer ${token}` };
const started: StargazerService[] = [];
/** what the tiers of a test have logged */
const logged: unknown[][] = [];
const write = (...line: unknown[]) => void logged.push(line);
const logger: Logger = { debug: write, info: write, warn: write, error: write };
afterEach(async () => {
  await Promise.all(started.splice(0).map((service) => service.shutdown()));
  vi.unstubAllEnvs();
  logged.length = 0;
});

const start = async <T extends StargazerService>(service: T): Promise<T> => {
  started.push(service);
  await service.boot();
  void service.runToCompletion();
  await service.waitFor("running");
  return service;
};
const common = () => withPatience({ redis: redis.url, useHealthServer: false, jitterMaxMs: 0, logger });
const gateway = (options: HttpTierOptions = {}) => start(new GatewayService({ ...common(), port: 0, token, ...options }));
const web = (options: HttpTierOptions = {}) => start(new WebService({ ...common(), port: 0, token, ...options }));
const portOf = ({ http }: HttpTier): number => http!.port;

/** Resolves with the protocol that was picked, or with the status of the refusal. */
const dialled = (port: number, protocols: string[], headers: Record<string, string> = {}): Promise<string | number> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/webchat`, protocols, { headers });
    const settle = (result: string | number) => {
      resolve(result);
      socket.terminate();
    };
    socket.on("error", reject);
    socket.once("open", () => settle(socket.protocol));
    socket.once("unexpected-response", (_request, { statusCode }) => settle(statusCode ?? 0));
  });

describe("F56: the settings of a tier with HTTP", () => {
  const both = { SG_TOKEN: token, SG_ALLOWED_HOSTS: "chat.example.org" };
  it.each([
    ["127.0.0.1", {}, []],
    ["::1", {}, []],
    ["localhost", {}, []],
    ["0.0.0.0", {}, ["SG_TOKEN", "SG_ALLOWED_HOSTS", "SG_CHAT_PUBLIC=1"]],
    ["::", { SG_TOKEN: token }, ["SG_ALLOWED_HOSTS", "SG_CHAT_PUBLIC=1"]],
    ["192.168.1.5", { SG_ALLOWED_HOSTS: "a" }, ["SG_TOKEN", "SG_CHAT_PUBLIC=1"]],
    ["chat.example.org", {}, ["SG_TOKEN", "SG_ALLOWED_HOSTS", "SG_CHAT_PUBLIC=1"]],
    ["0.0.0.0", both, []],
    ["0.0.0.0", { SG_CHAT_PUBLIC: "1" }, []],
    ["127.0.0.1", { SG_CHAT_PUBLIC: "yes" }, ["SG_CHAT_PUBLIC must be 1 or 0"]],
    ["127.0.0.1", { SG_TOKEN: "short" }, ["SG_TOKEN must have 32 to 256 characters"]],
  ])("listen at %s with %j, unless %j is named", (host, environment, named) => {
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
    for (const read of [gatewaySettings, webSettings]) {
      const problem = (() => {
        try {
          return void read({ host });
        } catch (error) {
          return error as Error & { code: string };
        }
      })();
      expect(problem?.code).toBe(named.length === 0 ? undefined : "SG_ERR_CONFIG_INVALID");
      for (const part of named) expect(problem?.message).toContain(part);
      expect(problem?.message ?? "").not.toContain(token);
    }
  });

  it("say in one sentence from where the tier is reached, and nothing where that is this machine", () => {
    expect(exposureOf({ host: "127.0.0.1", allowedHosts: [], token })).toBeUndefined();
    expect(exposureOf({ host: "0.0.0.0", allowedHosts: ["a.b"], token })).toBe(
      "it is reached from other machines at 0.0.0.0 and under a.b, and requests need the token",
    );
    expect(exposureOf({ host: "::1", allowedHosts: ["a.b"], token: undefined })).toBe(
      "it is reached from other machines under a.b, and no request needs a token",
    );
  });
});

describe("F56: without the token", () => {
  it.each(["/api/fleet", "/api/fleet/events", "/api/gateways", "/nothing", "/%zz", "/tiers/web/page/%zz"])(
    "%s of the page's server is 401",
    async (path) => {
      const port = portOf(await web());
      for (const headers of [{}, { authorization: `Bearer ${createToken()}` }, { cookie: token }]) {
        const answer = await ask(port, path, { headers });
        expect([answer.status, answer.headers["www-authenticate"]]).toEqual([401, "Bearer"]);
        expect(answer.headers["x-content-type-options"]).toBe("nosniff");
      }
    },
  );

  it("the page itself is there, and is the file of the package", async () => {
    const { status, body } = await ask(portOf(await web()), "/");
    const file = readFileSync(new URL("../../src/tiers/web/page/index.html", import.meta.url), "utf8");
    expect([status, body]).toEqual([200, file]);
  });

  it("the chat is 401, whatever is offered in its place", async () => {
    const port = portOf(await gateway());
    for (const protocols of [[], ["stargazer"], socketProtocols(createToken()), [`stargazer.token.${token.slice(1)}`]])
      expect(await dialled(port, protocols)).toBe(401);
    expect(await dialled(port, [], { cookie: `stargazer=${token}` })).toBe(401);
  });

  it("an upgrade of a page's file is 401", async () => {
    const port = portOf(await web());
    expect((await ask(port, "/", { headers: { connection: "upgrade", upgrade: "websocket" } })).status).toBe(401);
  });

  it("everything is answered on loopback where the tier has none", async () => {
    const options = { ...common(), port: 0 };
    const [page, chat] = [await start(new WebService(options)), await start(new GatewayService(options))];
    expect((await ask(portOf(page), "/api/fleet")).status).toBe(200);
    expect(await dialled(portOf(chat), [])).toBe("");
    expect(logged.flat()).not.toContainEqual(expect.objectContaining({ type: "http.exposed" }));
  });
});

describe("F56: with the token", () => {
  it("in the environment, as a header or as a password, the fleet is listed", async () => {
    vi.stubEnv("SG_TOKEN", token);
    const port = portOf(await start(new WebService({ ...common(), port: 0 })));
    const basic = { authorization: `Basic ${Buffer.from(`:${token}`).toString("base64")}` };
    for (const headers of [bearer, basic]) expect((await ask(port, "/api/fleet", { headers })).status).toBe(200);
  });

  it("as a protocol of the WebSocket or as a header the chat opens, and the protocol that is picked has no token", async () => {
    const port = portOf(await gateway());
    expect(await dialled(port, socketProtocols(token))).toBe("stargazer");
    expect(await dialled(port, [], bearer)).toBe("");
  });

  it("a name or an origin that is refused stays so", async () => {
    const port = portOf(await web());
    const statusOf = async (headers: Record<string, string>) =>
      (await ask(port, "/api/fleet", { headers: { ...bearer, ...headers } })).status;
    expect([await statusOf({ host: "evil.example" }), await statusOf({ origin: "https://evil.example" })]).toEqual([421, 403]);
    expect(await statusOf({ "sec-fetch-site": "cross-site" })).toBe(403);
  });

  it("a page of the name that the gateway was reached by may chat, whatever its port, and no other", async () => {
    const port = portOf(await gateway({ allowedHosts: ["chat.example.org"] }));
    const by = (host: string, origin: string) => dialled(port, socketProtocols(token), { host, origin });
    expect(await by("chat.example.org", "https://chat.example.org")).toBe("stargazer");
    expect(await by("192.168.1.5:8080", "http://192.168.1.5:8090")).toBe("stargazer");
    for (const origin of ["https://example.org", "http://192.168.1.6:8090", "null", "https://chat.example.org.evil.example"])
      expect([origin, await by("chat.example.org", origin)]).toEqual([origin, 403]);
  });

  it("nothing that shows the service shows the token: no line of the log, no entry, no status, no recording", async () => {
    const tiers = [await gateway({ host: "0.0.0.0", allowedHosts: ["a.b"] }), await web()];
    await ask(portOf(tiers[1]!), "/api/fleet", { headers: bearer });
    const shown = [
      logged,
      await new Registry(redis.witness).list(),
      ...tiers.flatMap((tier) => [tier, tier.status(), tier.flight()]),
    ];
    expect(logged.flat()).toContainEqual(expect.objectContaining({ type: "http.exposed", host: "0.0.0.0" }));
    for (const value of shown) expect(inspect(value, { depth: 20, maxArrayLength: null })).not.toContain(token);
  });
});

describe("F56: a public chat", () => {
  it("needs no token, and where to chat is all that a page without one is given", async () => {
    vi.stubEnv("SG_CHAT_PUBLIC", "1");
    const [chat, page] = [await gateway(), await web()];
    expect(await dialled(portOf(chat), [])).toBe("");
    const listed = () => ask(portOf(page), "/api/gateways");
    await eventually("the gateway", async () => (await listed()).data.length === 1);
    expect((await listed()).data).toEqual([chat.http]);
    expect((await ask(portOf(page), "/api/fleet")).status).toBe(401);
    expect((await ask(portOf(page), "/api/fleet", { headers: bearer })).status).toBe(200);
  });

  it("shows nobody the fleet where there is no token at all", async () => {
    vi.stubEnv("SG_CHAT_PUBLIC", "1");
    const port = portOf(await start(new WebService({ ...common(), port: 0 })));
    for (const headers of [{}, bearer]) expect((await ask(port, "/api/fleet", { headers })).status).toBe(401);
  });
});

describe.runIf(browser !== undefined)("F56: in a browser", () => {
  it("the link opens the page and chats, also after a reload; without it neither fleet nor chat is there", async () => {
    const [page, chat] = [await web(), await gateway()];
    await start(new InferenceService({ ...common(), responder: { name: "echo", respond: async (text) => `echo ${text}` } }));
    const url = `http://127.0.0.1:${portOf(page)}/`;
    const { page: opened, troubles } = await openPage(browser!);
    await opened.goto(`${url}#${token}`);
    expect(opened.url()).toBe(url);
    for (const visit of ["first", "second"]) {
      await opened.waitForSelector(".row[data-service=gateway][data-state=running]");
      await opened.waitForSelector("#text:enabled");
      await opened.fill("#text", visit);
      await opened.click("#say button");
      await opened.getByText(`echo ${visit}`).waitFor();
      await opened.reload();
    }
    expect(troubles).toEqual([]);
    await opened.context().close();

    const { page: without } = await openPage(browser!);
    await without.goto(url);
    await without
      .getByText("Open it by the link that was printed when the fleet started: services and chat need its token.")
      .waitFor();
    expect(await without.locator(".row, .cell, #text:enabled").count()).toBe(0);
    expect(await without.content()).not.toContain(chat.instanceId);
    await without.context().close();
  });

  it("a page without the token chats where the chat is public", async () => {
    vi.stubEnv("SG_CHAT_PUBLIC", "1");
    const [page] = [await web(), await gateway()];
    const { page: opened } = await openPage(browser!);
    await eventually("the gateway", async () => (await ask(portOf(page), "/api/gateways")).data.length === 1);
    await opened.goto(`http://127.0.0.1:${portOf(page)}/`);
    await opened.waitForSelector("#text:enabled");
    expect(await opened.locator(".row, .cell").count()).toBe(0);
    await opened.context().close();
  });
});
