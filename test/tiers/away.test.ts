/** A real page whose gateways are processes of their own: stopped, frozen or killed, each answer is shown, in order and once. */
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "../../src/logger.ts";
import { Registry } from "../../src/registry/registry.ts";
import type { StargazerService } from "../../src/service/service.ts";
import { InferenceService } from "../../src/tiers/inference/inference.ts";
import { messageKeys } from "../../src/tiers/messages/keys.ts";
import { WebService } from "../../src/tiers/web/web.ts";
import { launchBrowser, openPage } from "../kit/browser.ts";
import type { CliProcess, Shell } from "../kit/cli.ts";
import { openShell } from "../kit/cli.ts";
import { deadlines } from "../kit/deadlines.ts";
import { withPatience } from "../kit/patience.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
let shell: Shell;
let browser: Browser | undefined;
const ending: (() => unknown)[] = [];
beforeAll(async () => {
  redis = await startTestRedis();
  shell = openShell();
  browser = await launchBrowser("a page that is away while it is answered");
});
afterAll(async () => {
  await browser?.close();
  shell.remove();
  await redis.stop();
});
beforeEach(() => redis.witness.flushall());
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

const keys = messageKeys({ isCluster: false });
const common = () => withPatience({ redis: redis.url, useHealthServer: false, jitterMaxMs: 0, logger: silentLogger });
const start = async <T extends StargazerService>(service: T): Promise<T> => {
  ending.push(() => service.shutdown());
  void service.runToCompletion();
  await service.waitFor("running");
  return service;
};
const running = async (): Promise<number> =>
  (await new Registry(redis.witness).list("gateway")).filter(({ status }) => status === "running").length;

/** A gateway that is a process of its own, once it runs. */
const startGateway = async (): Promise<CliProcess> => {
  const before = await running();
  const env = { REDIS_URL: redis.url, SG_GATEWAY_PORT: "0", SG_HEALTH_PORT: "0" };
  const gateway = shell.start(["run", "gateway"], env);
  ending.push(async () => {
    gateway.child.kill("SIGCONT");
    gateway.child.kill("SIGKILL");
    await gateway.ended;
  });
  await eventually(`a gateway runs: ${gateway.err()}`, async () => (await running()) > before);
  return gateway;
};
const answers = () => redis.witness.xlen(keys.outbound("webchat"));
/** From now on messages are answered. Resolves once so many are. */
const answer = async (count: number): Promise<void> => {
  await start(new InferenceService({ ...common(), responder: { name: "echo", respond: async (text) => `re ${text}` } }));
  await eventually(`${count} answers`, async () => (await answers()) === count);
};

const say = async (page: Page, text: string): Promise<void> => {
  await page.fill("#text", text);
  await page.press("#text", "Enter");
};
/** A page of a tab that has sent its questions, all of which are accepted and none of which is answered. */
const ask = async (questions: readonly string[]): Promise<Page> => {
  const web = await start(new WebService({ ...common(), port: 0 }));
  const { page, troubles } = await openPage(browser!);
  ending.push(() => page.context().close());
  await page.goto(`http://127.0.0.1:${web.http!.port}/`);
  await page.waitForSelector("#text:enabled");
  for (const text of questions) await say(page, text);
  await eventually("they are accepted", async () => (await redis.witness.xlen(keys.inbound)) === questions.length);
  await page.waitForFunction(() => document.querySelectorAll("li.unsent").length === 0);
  expect(troubles).toEqual([]);
  return page;
};
const shown = (page: Page) => page.$$eval("#messages li", (lines) => lines.map((line) => line.querySelector("p")?.textContent));
const conversation = ["one", "two", "three", "re one", "re two", "re three"];
/** Everything once, the questions and then the answers, each in order. */
const isShown = async (page: Page): Promise<void> => {
  await page.waitForFunction(() => document.querySelectorAll("li.theirs").length === 3, undefined, { timeout: deadlines.fact });
  expect(await shown(page)).toEqual(conversation);
  expect(await page.locator("li.waiting").count()).toBe(0);
};
const questions = ["one", "two", "three"];

describe("a page shows each answer, in order and once,", () => {
  it("that is open all the time", async () => {
    if (browser === undefined) return;
    await startGateway();
    const page = await ask(questions);
    await answer(3);
    await isShown(page);
  });

  it("whose tab shows another address while it is answered, and comes back", async () => {
    if (browser === undefined) return;
    await startGateway();
    const page = await ask(questions);
    const url = page.url();
    await page.goto("about:blank");
    await answer(3);
    await page.goto(url);
    await isShown(page);
    await say(page, "four");
    await page.waitForFunction(() => document.querySelector("#messages li:last-child p")?.textContent === "re four");
  });

  it("that is loaded again before and after it is answered", async () => {
    if (browser === undefined) return;
    await startGateway();
    const page = await ask(questions);
    await page.reload();
    await answer(3);
    await isShown(page);
    await page.reload();
    await isShown(page);
  });

  it("whose gateway is stopped, and that goes on at another one", async () => {
    if (browser === undefined) return;
    const first = await startGateway();
    const page = await ask(questions);
    await startGateway();
    first.child.kill("SIGTERM");
    expect((await first.ended).code).toBe(0);
    await answer(3);
    await isShown(page);
  });

  it("whose gateway is frozen while it is answered, and then killed", async () => {
    if (browser === undefined) return;
    const first = await startGateway();
    const page = await ask(questions);
    await startGateway();
    first.child.kill("SIGSTOP");
    await answer(3);
    first.child.kill("SIGKILL");
    await first.ended;
    await isShown(page);
  });

  it("whose gateway is frozen for a while, and goes on where it was", async () => {
    if (browser === undefined) return;
    const first = await startGateway();
    const page = await ask(questions);
    first.child.kill("SIGSTOP");
    await answer(3);
    first.child.kill("SIGCONT");
    await isShown(page);
  });
});

it("a line that a frozen gateway has received is sent to another one, and answered once", async () => {
  if (browser === undefined) return;
  const first = await startGateway();
  const page = await ask([]);
  await startGateway();
  first.child.kill("SIGSTOP");
  await say(page, "hello");
  await answer(1);
  await page.waitForSelector("li.theirs", { timeout: deadlines.fact });
  first.child.kill("SIGCONT");
  await say(page, "bye");
  await page.waitForFunction(() => document.querySelectorAll("li.theirs").length === 2, undefined, { timeout: deadlines.fact });
  first.child.kill("SIGTERM");
  await first.ended;
  expect([await shown(page), await answers()]).toEqual([["hello", "re hello", "bye", "re bye"], 2]);
});
