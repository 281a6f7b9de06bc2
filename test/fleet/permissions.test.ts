/** What the user of the tiers may do in a fleet's own Redis, and that a fleet needs no more and is granted no more. */
import { readdirSync, readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { tiersUser } from "../../src/fleet/permissions.ts";
import { closeRedis, openRedis } from "../../src/redis/connection.ts";
import { registryCommands } from "../../src/registry/permissions.ts";
import { endCli, openShell } from "../kit/cli.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";

let redis: TestRedis;
const shell = openShell();
beforeAll(async () => {
  redis = await startTestRedis();
});
afterEach(endCli);
afterAll(async () => {
  shell.remove();
  await redis.stop();
});

const granted = tiersUser.rules.filter((rule) => rule.startsWith("+")).map((rule) => rule.slice(1));

describe("F51: the user of the tiers", () => {
  it("is all that a fleet needs: it boots, chats and stops, and Redis refuses nothing", async () => {
    await redis.witness.acl("LOG", "RESET");
    const up = shell.start(["up", "--redis", redis.url], { SG_GATEWAY_PORT: "18080", SG_WEB_PORT: "18090" });
    await up.line("the ready line", (line) => line.startsWith("ready in"));
    const chat = await shell.run(["chat", "--once", "hello", "--redis", redis.url]);
    expect(chat).toMatchObject({ code: 0, err: "" });
    expect(await shell.run(["inspect", "web", "--redis", redis.url])).toMatchObject({ code: 0, err: "" });
    up.child.kill("SIGINT");
    expect(await up.ended).toMatchObject({ code: 0 });
    expect(await redis.witness.acl("LOG")).toEqual([]);
  });

  it.each([
    "FLUSHALL",
    "CONFIG GET *",
    "KEYS *",
    "ACL LIST",
    "SHUTDOWN",
    "DEBUG SLEEP 0",
    "GET another:key",
    "PUBLISH another:channel text",
    "EVAL return(redis.call('FLUSHALL')) 0",
  ])("may not run %s", async (line) => {
    const client = openRedis(redis.url);
    await client.connect();
    const [command = "", ...args] = line.split(" ");
    await expect(client.call(command, ...args)).rejects.toThrow(/NOPERM|permissions|can't run/);
    await closeRedis(client, { signal: AbortSignal.timeout(1000) });
  });

  it("is granted no command that the code does not send", () => {
    const files = readdirSync("src", { recursive: true }).map(String);
    const sources = files.filter((file) => file.endsWith(".ts") && !file.endsWith("permissions.ts"));
    const code = sources.map((file) => readFileSync(`src/${file}`, "utf8")).join("\n");
    // a call in a script, a method of a client (also with Buffers), a command of a commit; INFO is ioredis' ready check too
    const sends = (name: string) =>
      new RegExp(`['"]${name.toUpperCase()}['"]|\\.${name}(Buffer)?\\(|"${name}"`).test(code) || name === "unsubscribe";
    expect(granted.filter((name) => !sends(name))).toEqual([]);
    expect(granted).toEqual([...new Set(granted)]);
  });

  it("has the commands of the README, which are those of one service, and more", () => {
    const readme = readFileSync("README.md", "utf8").replace(/\s+/g, " ");
    expect(readme).toContain(`~sg:* ${registryCommands.map((name) => `+${name}`).join(" ")}\``);
    expect(granted.slice(0, registryCommands.length)).toEqual(registryCommands);
  });
});
