/** Each recipe as a user's program: it boots, has work under way when SIGTERM comes, finishes that work and exits 0. */

import { once } from "node:events";
import { readFileSync, utimesSync } from "node:fs";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { deadlines } from "../kit/deadlines.ts";
import { startPostgres } from "../kit/postgres.ts";
import { endPrograms, Program } from "../kit/program.ts";
import { copyRecipes, installPackages, recipes, Stock, startCollector } from "../kit/recipe.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { eventually } from "../kit/wait.ts";

const missing = installPackages();
copyRecipes();
if (missing !== undefined) console.log(`recipes that need packages are skipped, because these cannot be had: ${missing}`);

let redis: TestRedis;
let stock: Stock;
const endings: (() => unknown)[] = [];
beforeAll(async () => {
  redis = await startTestRedis();
});
afterEach(async () => {
  await endPrograms();
  for (const end of endings.splice(0)) await end();
  await redis.witness.flushall();
});
afterAll(() => redis.stop());

const start = async (file: string, env: Record<string, string> = {}, node: readonly string[] = []): Promise<Program> => {
  const own = await Stock.start();
  stock = own;
  endings.push(() => own.stop());
  return new Program(join(recipes, file), {
    env: { REDIS_URL: redis.adminUrl, SG_HEALTH_PORT: "0", SG_BOOT_JITTER_MS: "0", PORT: "0", STOCK_URL: own.url, ...env },
    wrap: ([command = "", ...rest]) => [command, ...node, ...rest],
  });
};
/** The work is under way until the service has begun to stop, and has come to `there`; then it is finished. */
const stopAtWork = async (program: Program, there: () => Promise<unknown> = async () => {}): Promise<void> => {
  await stock.isAsked();
  program.signal("SIGTERM");
  await program.state("stopping");
  await there();
  stock.answer();
};
const isRefused = async (port: number): Promise<boolean> => {
  const socket = connect({ host: "127.0.0.1", port });
  try {
    await once(socket, "connect");
    return false;
  } catch {
    return true;
  } finally {
    socket.destroy();
  }
};
const portOf = async (): Promise<number> => {
  const [key] = await redis.witness.keys("sg:registry:service:*");
  return (JSON.parse((await redis.witness.get(key!))!) as { metadata: { port: number } }).metadata.port;
};
/** A request that the service answers with what the stock says, on a connection that its client keeps open. */
const answersAtStop = async (program: Program, answer: object): Promise<void> => {
  await program.state("running");
  const port = await portOf();
  const response = fetch(`http://127.0.0.1:${port}/orders`);
  await stopAtWork(program, () => eventually("its listener is closed", () => isRefused(port)));
  expect(await (await response).json(), program.errors).toEqual(answer);
  expect(await program.ended, program.errors).toMatchObject({ code: 0 });
};

describe("without packages of their own", () => {
  it("Fastify answers the request that is under way", async () => {
    await answersAtStop(await start("fastify/service.js"), { stock: "7" });
  });

  it("OpenTelemetry, preloaded, has its spans at the collector, that of the work under way included", async () => {
    const collector = await startCollector();
    endings.push(collector.stop);
    const preload = join(recipes, "opentelemetry/instrumentation.js");
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
    const program = await start("opentelemetry/service.js", env, ["--import", preload]);
    await stopAtWork(program);
    expect(await program.ended, program.errors).toMatchObject({ code: 0 });
    expect(collector.names).toContain("count the stock");
    expect(program.errors).not.toContain("still alive");
  });

  it("node --watch stops the service in order at a change, boots it anew, and passes SIGTERM on", async () => {
    const program = await start("watch/service.js", {}, ["--watch"]);
    const lives = (state: string) => program.lines.filter((line) => line.type === "state.entered" && line.state === state).length;
    await program.state("running");
    const now = new Date();
    utimesSync(join(recipes, "watch/service.js"), now, now);
    await eventually("it runs again", () => lives("running") > 1 && lives("stopped") > 0);
    expect(program.lines.filter(({ type }) => type === "stopped")[0]).toMatchObject({ outcome: "shutdown", reason: "SIGTERM" });
    program.signal("SIGTERM");
    await program.ended;
    expect(lives("stopped")).toBe(lives("running"));
  });

  it("a model-based test of one's own passes on every state that it reaches, under node --test", async () => {
    const program = await start("model/orders.test.js", {}, ["--test", "--test-reporter=tap"]);
    expect(await program.ended, program.texts.join("\n")).toMatchObject({ code: 0 });
    expect(program.texts).toContain("# pass 7");
  });
});

describe.skipIf(missing !== undefined)("with packages that are installed on demand", () => {
  it("Express answers the request that is under way", async () => {
    await answersAtStop(await start("express/service.js"), { stock: "7" });
  });

  it("Nest, in TypeScript under tsx, answers the request that is under way", async () => {
    // tsx reads the tsconfig.json of the folder that it is started in
    const env = { TSX_TSCONFIG_PATH: join(recipes, "nest/tsconfig.json") };
    await answersAtStop(await start("nest/service.ts", env, ["--import", join(recipes, "node_modules/tsx/dist/loader.mjs")]), {
      stock: "7",
    });
  });

  it("tsx passes the signal on, and the work under way is finished", async () => {
    const program = await start("typescript/service.ts", {}, [join(recipes, "node_modules/tsx/dist/cli.mjs")]);
    await stopAtWork(program);
    expect(await program.ended, program.errors).toMatchObject({ code: 0 });
    expect(program.lines.find(({ msg }) => msg === "stock.counted")).toMatchObject({ stock: "7" });
  });

  it("pino writes the facts and the service's own lines", async () => {
    const program = await start("pino/service.js");
    await stopAtWork(program);
    expect(await program.ended, program.errors).toMatchObject({ code: 0 });
    expect(program.lines.find(({ msg }) => msg === "stock.counted")).toMatchObject({ level: 30, service: "orders", stock: "7" });
    expect(program.lines.at(-1)).toMatchObject({ level: 30, type: "stopped", outcome: "shutdown" });
  });

  it("a worker of BullMQ finishes its job and takes no other", async () => {
    const { Queue } = createRequire(join(recipes, "package.json"))("bullmq") as {
      Queue: new (
        name: string,
        options: object,
      ) => {
        add(name: string, data: object): Promise<{ getState(): Promise<string> }>;
        close(): Promise<void>;
      };
    };
    const queue = new Queue("mails", { connection: { url: redis.adminUrl } });
    endings.push(() => queue.close());
    const jobs = [await queue.add("first", {}), await queue.add("second", {})];
    const program = await start("bullmq/service.js");
    await stopAtWork(program);
    expect(await program.ended, program.errors).toMatchObject({ code: 0 });
    expect(await Promise.all(jobs.map((job) => job.getState()))).toEqual(["completed", "waiting"]);
  });

  it.each([false, true])(
    "a pool of Postgres outlives the request that is under way (a fake server: %s; a real one only where it is installed)",
    async (fake) => {
      const postgres = await startPostgres({ fake });
      endings.push(() => postgres.stop());
      const program = await start("postgres/service.js", { DATABASE_URL: postgres.url });
      await answersAtStop(program, { stock: "7", rows: 1 });
    },
    deadlines.long,
  );
});

it("every recipe is in the table of PRODUCTION.md", () => {
  const page = readFileSync("PRODUCTION.md", "utf8");
  for (const name of [
    "fastify",
    "express",
    "nest",
    "bullmq",
    "postgres",
    "pino",
    "opentelemetry",
    "watch",
    "typescript",
    "model",
  ])
    expect(page).toContain(`(test/recipes/${name}/`);
});
