/** The word that a mistyped one means; a name in the environment that looks like a setting and is none is named once, with the setting that it probably means. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, expect, it } from "vitest";
import { meantVariable, nearest, unknownInEnvironment } from "../src/closest.ts";
import { variables } from "../src/environment.ts";
import { endCli, openShell } from "./kit/cli.ts";
import { endPrograms, Program } from "./kit/program.ts";

const shell = openShell();
afterEach(async () => {
  await endPrograms();
  await endCli();
});
afterAll(() => shell.remove());

const launched = async (program: string, test: object, env: Record<string, string>): Promise<Program> => {
  const started = new Program(program, { env: { SG_TEST: JSON.stringify(test), ...env } });
  await started.ended;
  return started;
};
const service = { count: 2, run: "quick", options: { redis: null } };

it.each([
  ["fial", "fail"],
  ["afer", "after"],
  ["hlep", "help"],
  ["x", undefined],
  ["", undefined],
])("the word next to %j is %s: a letter swapped with the next one counts as one", (word, near) => {
  expect(nearest(word, ["fail", "after", "help", "together"])).toBe(near);
});

it.each([
  ["SG_REDIS_ULR", "REDIS_URL"],
  ["SG_REDIS_URL", "REDIS_URL"],
  ["SG_JORNAL", "SG_JOURNAL"],
  ["SG_DRAIN_DELAY", "SG_DRAIN_DELAY_MS"],
  ["SG_GATEWAY_PROT", "SG_GATEWAY_PORT"],
  ["SG_SENDGRID_API_USER", undefined],
])("%s means %s", (name, meant) => {
  expect(meantVariable(name)).toBe(meant);
});

it("of many names eight are shown, a long one by its beginning, and the rest is counted", () => {
  const line = unknownInEnvironment(Array.from({ length: 11 }, (_, at) => `SG_X${at}${"Y".repeat(2000)}`));
  expect(line).toMatch(/SG_X7Y.*; and 3 more$/);
  expect(line).not.toContain("SG_X8");
  expect(line).not.toContain("Y".repeat(64));
});

it("a launch names it once for all services of the process, without its value, and the services run", async () => {
  const { errors, report } = await launched("service.mjs", service, { SG_REDIS_ULR: "redis://u:s3cret@db", SG_JORNAL: "0" });
  const named = "SG_REDIS_ULR is not a variable of Stargazer, so it has no effect (did you mean REDIS_URL?)";
  expect(errors).toContain(`StargazerWarning: in the environment: ${named}; SG_JORNAL is not`);
  expect(errors.split("SG_JORNAL")).toHaveLength(2);
  expect(errors).not.toContain("s3cret");
  expect(report).toMatchObject({ outcome: "completed" });
});

it("a launch names no setting, and nothing that Kubernetes and Docker set beside a Service named sg-web", async () => {
  const all = Object.fromEntries(variables.filter((name) => name.startsWith("SG_")).map((name) => [name, ""]));
  const links = {
    ...{ SG_WEB_SERVICE_HOST: "10.0.0.1", SG_WEB_SERVICE_PORT: "80", SG_WEB_SERVICE_PORT_HTTP: "80" },
    ...{ SG_WEB_PORT: "tcp://10.0.0.1:80", SG_WEB_PORT_80_TCP: "tcp://10.0.0.1:80", SG_WEB_PORT_80_TCP_PROTO: "tcp" },
    ...{ SG_WEB_PORT_80_TCP_PORT: "80", SG_WEB_PORT_80_TCP_ADDR: "10.0.0.1" },
  };
  const { errors, report } = await launched("service.mjs", service, { ...all, ...links });
  expect([errors, report?.outcome]).toEqual(["", "completed"]);
});

it("a launch whose configuration is refused names it beside what is refused", async () => {
  const { errors } = await launched("service.mjs", { options: { redis: null, drainDelayMs: -1 } }, { SG_DRAIN_DELAY: "7" });
  expect(errors).toMatch(/^stargazer: in the environment: SG_DRAIN_DELAY .*\nstargazer: SG_ERR_CONFIG_INVALID: .*drainDelayMs/);
});

it("a service under `up` names none: the command has", async () => {
  const env = { ...process.env, SG_TEST: JSON.stringify(service), SG_JORNAL: "0", SG_SUPERVISED: "1" };
  const child = fork(fileURLToPath(new URL("fixtures/service.mjs", import.meta.url)), { env, silent: true });
  let errors = "";
  child.stderr!.on("data", (chunk) => {
    errors += String(chunk);
  });
  const [code] = await once(child, "close");
  expect([code, errors]).toEqual([0, ""]);
});

it("names like those of a Service are named where there is no such Service", async () => {
  const { errors } = await launched("service.mjs", service, { SG_ORDERS_PORT_80_TCP: "1" });
  expect(errors).toContain("SG_ORDERS_PORT_80_TCP is not a variable of Stargazer");
});

it("a command names it on standard error, and its JSON is whole", async () => {
  const { code, out, err } = await shell.run(["config", "--json"], { env: { SG_HEALTH_PROT: "9091" } });
  expect(err).toBe(
    "stargazer: in the environment: SG_HEALTH_PROT is not a variable of Stargazer, so it has no effect (did you mean SG_HEALTH_PORT?)\n",
  );
  expect([code, JSON.parse(out)]).toEqual([0, expect.objectContaining({ variables: expect.anything() })]);
});
