/** Option over environment over default, every problem at once, and the settings of the chart. */
import { hostname } from "node:os";
import { afterEach, describe, expect, it, vi } from "vitest";
import { defaultSettings } from "../../machines/index.ts";
import { tierMetrics } from "../../src/health/metrics.ts";
import { silentLogger } from "../../src/logger.ts";
import { configurationOf, sourcesOf } from "../../src/service/options/configuration.ts";
import { numberDefaults, optionVariables, resolveOptions, settingsOf } from "../../src/service/options/options.ts";

const variables = [...optionVariables.values()].filter((name) => name !== undefined);
const before = Object.fromEntries(variables.map((name) => [name, process.env[name]]));
const environment = (given: Readonly<Record<string, string | undefined>>) => {
  for (const name of variables) {
    const value = given[name];
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
};
afterEach(() => environment(before));

/** The members by which a client is known. */
const aClient = () => ({ status: "wait", options: {}, on() {}, ping() {}, duplicate() {}, disconnect() {} });
const resolve = (options: object = {}) => resolveOptions({ serviceName: "test", ...options });
const problemsOf = (options: unknown): string => {
  try {
    resolveOptions(options as never);
  } catch (error) {
    expect(error).toMatchObject({ code: "SG_ERR_CONFIG_INVALID", phase: "init" });
    return (error as Error).message;
  }
  return "";
};
const problems = (options: object = {}): string => problemsOf({ serviceName: "test", ...options });

const numbers = {
  healthPort: [9090, 0, 65_535],
  readinessBlockMs: [1000, 100, 30_000],
  livenessBlockMs: [30_000, 1000, 2 ** 31 - 1],
  jitterMaxMs: [2000, 0, 2 ** 31 - 1],
  pingAttempts: [3, 1, 1000],
  pingTimeoutMs: [1000, 1, 2 ** 31 - 1],
  startTimeoutMs: [60_000, 1, 2 ** 31 - 1],
  registerTimeoutMs: [2000, 1, 2 ** 31 - 1],
  healthTimeoutMs: [3000, 1, 2 ** 31 - 1],
  drainDelayMs: [0, 0, 24_999],
  drainTimeoutMs: [8000, 0, 2 ** 31 - 1],
  stopTimeoutMs: [8000, 1, 2 ** 31 - 1],
  shutdownTimeoutMs: [25_000, 1, 2 ** 31 - 1],
  leaseTtlMs: [15_000, 15_000, 2 ** 31 - 1],
  heartbeatMs: [5000, 1, 5000],
} as const;

describe("F62: a variable's value", () => {
  it("has no blanks and no end of a line around it", () => {
    environment({ REDIS_URL: " redis://cache:6390\n", SG_HEALTH_HOST: "0.0.0.0\r\n", SG_ALLOWED_HOSTS: " chat.example.org\n" });
    expect(resolve()).toMatchObject({ redis: "redis://cache:6390", healthHost: "0.0.0.0", allowedHosts: ["chat.example.org"] });
  });
});

describe("F74: a variable that Kubernetes writes for a Service", () => {
  const link = "tcp://10.96.0.1:9090";

  afterEach(() => vi.unstubAllEnvs());

  it("is no setting", () => {
    environment({ SG_HEALTH_PORT: link });
    vi.stubEnv("SG_HEALTH_SERVICE_HOST", "10.96.0.1");
    expect(resolve()).toMatchObject({ healthPort: 9090 });
  });

  it("is refused where no Service is", () => {
    environment({ SG_HEALTH_PORT: link });
    expect(resolve).toThrow(`SG_HEALTH_PORT (healthPort) must be a whole number from 0 to 65535, not "${link}"`);
  });
});

describe("the defaults", () => {
  it("are those of the contract", () => {
    environment({});
    const { instanceId, ...resolved } = resolve();
    expect(resolved).toEqual({
      ...Object.fromEntries(Object.entries(numbers).map(([name, [fallback]]) => [name, fallback])),
      serviceName: "test",
      redis: "redis://127.0.0.1:6379",
      redisRequired: true,
      useHealthServer: true,
      healthHost: "127.0.0.1",
      allowedHosts: [],
      checks: [],
      livenessChecks: [],
      metrics: undefined,
      closeHealth: "first",
      probeThread: true,
      metadata: {},
      logger: undefined,
      logLevel: "info",
    });
    expect(instanceId).toMatch(
      new RegExp(
        `^${hostname()
          .replace(/[^\w.-]/g, "-")
          .slice(0, 64)}-${process.pid}-[0-9a-f]{6}$`,
      ),
    );
    expect(resolve().instanceId).not.toBe(instanceId);
  });

  it("have a health server without Redis only where it is asked for", () => {
    expect(resolve({ redis: null })).toMatchObject({ redis: null, useHealthServer: false });
    expect(resolve({ redis: null, useHealthServer: true }).useHealthServer).toBe(true);
    expect(resolve({ useHealthServer: false }).useHealthServer).toBe(false);
  });
});

describe("the environment", () => {
  it("wins over the default and loses to the option; an empty variable is absent", () => {
    const all = {
      REDIS_URL: "redis://there:1",
      SG_HEALTH_PORT: "81",
      SG_HEALTH_HOST: "0.0.0.0",
      SG_BOOT_JITTER_MS: "7",
      SG_PROBE_THREAD: "0",
    };
    environment(all);
    const options = { redis: "redis://here:2", healthPort: 82, healthHost: "::1", jitterMaxMs: 8, probeThread: true };
    expect(resolve()).toMatchObject({
      redis: "redis://there:1",
      healthPort: 81,
      healthHost: "0.0.0.0",
      jitterMaxMs: 7,
      probeThread: false,
    });
    expect(resolve(options)).toMatchObject(options);
    expect(resolve({ healthPort: undefined }).healthPort).toBe(81);
    environment({ ...all, REDIS_URL: "", SG_HEALTH_PORT: "" });
    expect(resolve()).toMatchObject({ redis: "redis://127.0.0.1:6379", healthPort: 9090 });
  });

  it.each(Object.keys(numbers))("%s has a variable, which is read where the option is absent and named in a problem", (name) => {
    const variable = optionVariables.get(name)!;
    const value = numbers[name as keyof typeof numbers][1];
    environment({ [variable]: String(value) });
    expect(resolve()[name as keyof typeof numbers]).toBe(value);
    environment({ [variable]: "many" });
    expect(problems()).toContain(`${variable} (${name}) must be a whole number`);
  });

  it.each([" 81 ", "81"])("a number is read from '%s'", (text) => {
    environment({ SG_HEALTH_PORT: text });
    expect(resolve().healthPort).toBe(81);
  });

  it.each([" ", "0x50", "8e1", "-1", "1.0", "8 1", "9".repeat(17)])("no number is read from '%s'", (text) => {
    environment({ SG_HEALTH_PORT: text });
    expect(problems()).toContain("SG_HEALTH_PORT (healthPort) must be a whole number");
  });

  it("is named by its variable in a problem", () => {
    environment({ SG_HEALTH_PORT: "many", REDIS_URL: "http://there", SG_PROBE_THREAD: "toString" });
    expect(problems()).toContain('SG_HEALTH_PORT (healthPort) must be a whole number from 0 to 65535, not "many"');
    expect(problems()).toContain("REDIS_URL must begin with redis://");
    expect(problems()).toContain('SG_PROBE_THREAD (probeThread) must be 1 or 0, not "toString"');
    expect(problems({ healthPort: -1 })).toContain("healthPort must be");
    expect(problems({ healthPort: -1 })).not.toContain("SG_HEALTH_PORT");
    expect(problems({ redis: "http://there" })).toContain("redis must begin with redis://");
  });

  it.each([
    ["1", true],
    ["true", true],
    ["0", false],
    ["false", false],
  ])("SG_PROBE_THREAD=%s is %s", (text, read) => {
    environment({ SG_PROBE_THREAD: text });
    expect(resolve().probeThread).toBe(read);
  });
});

describe("a variable of an option that is no number", () => {
  it.each([
    ["SG_INSTANCE_ID", "instanceId", "one", "one"],
    ["SG_REDIS_REQUIRED", "redisRequired", "0", false],
  ] as const)("%s is read where %s is absent", (variable, option, text, read) => {
    environment({ [variable]: text });
    expect(optionVariables.get(option)).toBe(variable);
    expect(resolve()[option]).toBe(read);
  });

  it("SG_INSTANCE_ID that is no name is refused", () => {
    environment({ SG_INSTANCE_ID: "a:b" });
    expect(problems()).toContain("instanceId must not contain");
  });
});

describe("the configuration in force", () => {
  const inForce = (options: object = {}) => {
    const given = { serviceName: "test", ...options };
    return new Map(configurationOf(resolveOptions(given), sourcesOf(given)).map((entry) => [entry.option, entry]));
  };

  it("has each option with its value, its source and its variable", () => {
    environment({ SG_DRAIN_DELAY_MS: "15000", SG_START_TIMEOUT_MS: "1" });
    const found = inForce({ startTimeoutMs: 90_000 });
    expect([...found.keys()].sort()).toEqual([...optionVariables.keys()].sort());
    expect(found.get("startTimeoutMs")).toEqual({
      option: "startTimeoutMs",
      value: 90_000,
      source: "option",
      variable: "SG_START_TIMEOUT_MS",
    });
    expect(found.get("drainDelayMs")).toMatchObject({ value: 15_000, source: "environment" });
    expect(found.get("stopTimeoutMs")).toMatchObject({ value: 8000, source: "default" });
    expect(found.get("serviceName")).toMatchObject({ value: "test", source: "option", variable: null });
  });

  it("shows no password, and describes what is no data", () => {
    environment({ REDIS_URL: "redis://user:s3cret@there:1" });
    expect(inForce().get("redis")).toMatchObject({ value: "redis://user:***@there:1", source: "environment" });
    const client = aClient();
    const found = inForce({ redis: client, logger: silentLogger, metadata: { zone: "a" }, allowedHosts: ["a", "b"] });
    expect(found.get("redis")).toMatchObject({ value: "a client of the program's own", source: "option" });
    expect(found.get("logger")).toMatchObject({ value: "a logger of the program's own", source: "option" });
    expect(found.get("metadata")?.value).toBe('{"zone":"a"}');
    expect(found.get("allowedHosts")?.value).toBe('["a","b"]');
    expect(found.get("metrics")).toMatchObject({ value: null, source: "default" });
    expect(found.get("probeThread")).toMatchObject({ value: true, source: "default" });
    expect(inForce({ redis: null }).get("redis")).toMatchObject({ value: null, source: "option" });
    expect(inForce().get("logger")).toMatchObject({ value: "lines on standard output", source: "default" });
  });
});

describe("metrics of the program's own in the configuration in force", () => {
  it("are described, though they have themselves among their values", () => {
    environment({});
    const metrics: Record<string, unknown> = { metrics: () => "" };
    metrics.self = metrics;
    const given = { serviceName: "test", metrics } as never;
    const found = configurationOf(resolveOptions(given), sourcesOf(given)).find(({ option }) => option === "metrics");
    expect(found).toEqual({ option: "metrics", value: "metrics of the program's own", source: "option", variable: null });
  });
});

describe("the level of the log", () => {
  it("is that of the option, over SG_LOG_LEVEL, over info; another word is refused, and so is a level beside a logger", () => {
    environment({ SG_LOG_LEVEL: "warn" });
    expect(resolve().logLevel).toBe("warn");
    expect(resolve({ logLevel: "silent" }).logLevel).toBe("silent");
    expect(resolve({ logger: silentLogger }).logLevel).toBe("warn");
    expect(problems({ logLevel: "loud" as never })).toContain('logLevel must be debug, info, warn, error, silent, not "loud"');
    expect(problems({ logLevel: "info", logger: silentLogger })).toContain("a logger has a level of its own");
    environment({ SG_LOG_LEVEL: "trace" });
    expect(problems({})).toContain('SG_LOG_LEVEL (logLevel) must be debug, info, warn, error, silent, not "trace"');
  });
});

describe("the numbers", () => {
  it.each(Object.entries(numbers))("%s accepts its bounds, and refuses what is beyond them", (name, [fallback, min, max]) => {
    environment({});
    expect(resolve({ [name]: undefined })[name as keyof typeof numbers]).toBe(fallback);
    for (const value of [min, max]) expect(resolve({ [name]: value })[name as keyof typeof numbers]).toBe(value);
    for (const value of [min - 1, max + 1, min + 0.5]) expect(problems({ [name]: value })).toContain(name);
  });

  it.each([
    [{ jitterMaxMs: "x".repeat(100) }, `not "${"x".repeat(80)}"`],
    [{ jitterMaxMs: Number.NaN }, "not NaN"],
    [{ jitterMaxMs: null }, "not null"],
    [{ jitterMaxMs: {} }, "not a value of type object"],
    [{ jitterMaxMs: true }, "not a value of type boolean"],
    [{ redisRequired: null }, "redisRequired must be true or false, not null"],
    [{ useHealthServer: 1 }, "useHealthServer must be true or false, not 1"],
    [{ probeThread: "on" }, 'probeThread must be true or false, not "on"'],
  ])("%j is shown in the problem, cut where it is long", (options, shown) => {
    expect(problems(options)).toContain(shown);
  });

  it("that contradict each other are refused; those that just fit are accepted", () => {
    environment({});
    expect(problems({ drainDelayMs: 500, shutdownTimeoutMs: 500 })).toContain("drainDelayMs (500) must be less");
    expect(problems({ drainDelayMs: 499, shutdownTimeoutMs: 500 })).toBe("");
    expect(problems({ heartbeatMs: 101, leaseTtlMs: 300 })).toContain("heartbeatMs (101) must be at most a third");
    expect(problems({ heartbeatMs: 100, leaseTtlMs: 300 })).toBe("");
    expect(problems({ readinessBlockMs: 501, livenessBlockMs: 500 })).toContain("readinessBlockMs (501) must be at most");
    expect(problems({ readinessBlockMs: 500, livenessBlockMs: 500 })).toBe("");
    expect(problems({ leaseTtlMs: 2, heartbeatMs: 1 })).toContain("leaseTtlMs must be a whole number from 3");
  });
});

describe("a configuration", () => {
  it("with several problems names all at once, and the service where its name is valid", () => {
    environment({});
    expect(problems({ healthPort: -1, redis: "x" })).toMatch(
      /^the configuration of 'test' has 2 problems: healthPort must be .*; redis is not a URL.*\.$/,
    );
    expect(problemsOf({ serviceName: "a:b" })).toMatch(/^the configuration has 1 problem: serviceName must not contain/);
    expect(problemsOf({ serviceName: 7 })).toMatch(/^the configuration has 1 problem/);
  });

  it.each([undefined, null, "options", 7])("%j instead of an object is refused", (options) => {
    expect(problemsOf(options)).toMatch(/has 1 problem: the options must be an object, not /);
  });

  it("accepts an inherited option, and refuses an unknown one and a getter that throws", () => {
    const inherited = Object.create({ serviceName: "test", pingAttempts: 9 });
    expect(resolveOptions(inherited).pingAttempts).toBe(9);
    expect(problems({ pingAttemps: 9 })).toContain("unknown option 'pingAttemps'");
    const torn = {
      serviceName: "test",
      get redis(): string {
        throw new Error("torn");
      },
    };
    expect(problemsOf(torn)).toMatch(/1 problem: redis cannot be read: torn/);
  });

  it("accepts an instance id of at most 128 characters", () => {
    expect(problems({ instanceId: "x".repeat(129) })).toContain("instanceId must have at most 128");
    expect(resolve({ instanceId: "x".repeat(128) }).instanceId).toHaveLength(128);
  });

  it("accepts metrics that are an object with that function, in the text format of Prometheus", () => {
    const metrics = { metrics: () => "", contentType: "text/plain; version=0.0.4" };
    expect(resolve({ metrics }).metrics).toBe(metrics);
    for (const wrong of [7, null, () => "", { metrics: "" }])
      expect(problems({ metrics: wrong })).toMatch(/1 problem: metrics must be an object with a function metrics\(\)/);
    const openMetrics = { ...metrics, contentType: "application/openmetrics-text; version=1.0.0" };
    expect(problems({ metrics: openMetrics })).toMatch(/1 problem: metrics is a registry in the form of OpenMetrics/);
  });

  it("keeps the metrics of a tier under the key of their own, which is there only where they are given", () => {
    const metrics = { metrics: () => "" };
    expect(resolve({ [tierMetrics]: metrics })[tierMetrics]).toBe(metrics);
    expect(Object.hasOwn(resolve(), tierMetrics)).toBe(false);
  });

  it("accepts checks of any object that has its own, or that was written without one; a Map or a class of checks is refused", () => {
    class OfClass {
      ready() {}
    }
    class WithOwn extends OfClass {
      readonly database = () => {};
    }
    const names = (checks: unknown) => resolve({ checks }).checks.map(({ check }) => check);
    expect([{}, Object.create(null), { database: () => {} }, new WithOwn()].map(names)).toEqual([
      [],
      [],
      ["database"],
      ["database"],
    ]);
    for (const checks of [new Map(), new OfClass()])
      expect(problems({ checks })).toContain("checks must be an object of functions, not one without entries");
  });

  it("accepts a client by its members, and says what was given in place of one", () => {
    const client = aClient();
    expect(resolve({ redis: client }).redis).toBe(client);
    for (const name of Object.keys(client))
      expect(problems({ redis: { ...client, [name]: undefined } })).toContain(
        `; this has no ${name}, which a client of ioredis has`,
      );
    const others = [{}, 7, () => {}, new URL("redis://here"), Promise.resolve(client)];
    expect(others.map((redis) => problems({ redis }).split("a URL, or null; ")[1])).toEqual([
      "this has nothing of a client.",
      "not 7.",
      "not a value of type function.",
      "this is a URL object: pass its href.",
      "this is a promise: await it first.",
    ]);
    for (const own of [{ isOpen: true }, { sendCommand: () => {} }])
      expect(resolve({ redis: { ...client, ...own } }).redis).toMatchObject(own);
    const other = { ...client, isOpen: false, isReady: false, sendCommand: () => {} };
    expect(problems({ redis: other })).toContain("this is a client of node-redis (the package redis): pass its URL");
  });

  it("accepts a host of 1 to 255 characters without blanks", () => {
    for (const host of ["localhost", "::1", "fe80::1%eth0", "a".repeat(255)])
      expect(resolve({ healthHost: host }).healthHost).toBe(host);
    for (const host of ["", "a b", " a", "a ", "a".repeat(256), 7])
      expect(problems({ healthHost: host })).toContain("healthHost must be a host name");
  });

  it("accepts allowed hosts that are names, or ends of names behind a dot", () => {
    const names = ["chat.example.org", ".svc.cluster.local", "a_b-c", "10.0.0.1"];
    expect(resolve({ allowedHosts: names }).allowedHosts).toEqual(names);
    environment({ SG_ALLOWED_HOSTS: " chat.example.org,, .svc " });
    expect(resolve().allowedHosts).toEqual(["chat.example.org", ".svc"]);
    expect(resolve({ allowedHosts: [] }).allowedHosts).toEqual([]);
    for (const wrong of ["*", "*.a", "a:80", "http://a", "a/", "", ".", "a..b", "-a", "a b", "a".repeat(255), 7, undefined])
      expect(problems({ allowedHosts: ["a", wrong] })).toContain("allowedHosts must have host names only");
    expect(problems({ allowedHosts: "a" })).toContain("allowedHosts must be a list");
    environment({ SG_ALLOWED_HOSTS: "a:80" });
    expect(problems()).toContain("SG_ALLOWED_HOSTS (allowedHosts) must have host names only");
  });

  it("accepts metadata that is a JSON object of at most 4096 bytes", () => {
    const fits = { text: "é".repeat(2042) };
    expect(Buffer.byteLength(JSON.stringify(fits))).toBe(4095);
    expect(resolve({ metadata: fits }).metadata).toEqual(fits);
    expect(resolve({ metadata: { text: "x".repeat(4085) } }).metadata).toEqual({ text: "x".repeat(4085) });
    expect(problems({ metadata: { text: "x".repeat(4086) } })).toContain("metadata must be at most 4096 bytes");
    for (const [value, shown] of [
      [[], "a list"],
      ["text", '"text"'],
      [null, "null"],
    ])
      expect(problems({ metadata: value })).toContain(`metadata must be an object, not ${shown}`);
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    for (const metadata of [cycle, { big: 1n }]) expect(problems({ metadata })).toContain("metadata must be JSON");
  });

  it("accepts a logger with four levels", () => {
    expect(resolve({ logger: silentLogger }).logger).toBe(silentLogger);
    expect(problems({ logger: { info() {}, warn: "no" } })).toContain("logger has no debug, warn, error");
    expect(problems({ logger: null })).toContain("logger has no debug, info, warn, error");
  });
});

describe("options that need the health server", () => {
  const without = { useHealthServer: false };
  const one = { one: () => {} };

  it.each([
    ["a check", { checks: one }],
    ["a liveness check", { livenessChecks: one }],
    ["a check of each kind", { checks: one, livenessChecks: one }],
    ["metrics", { metrics: { metrics: () => "" } }],
  ])("are refused without it: %s", (_what, given) => {
    expect(problems({ ...without, ...given })).toMatch(/1 problem: checks, livenessChecks and metrics need the health server/);
    expect(problems({ useHealthServer: true, ...given })).toBe("");
  });

  it.each([[{ checks: [] }], [{ checks: { odd: 7 } }]])("%j is one problem, without it too", (given) => {
    expect(problems({ ...without, ...given })).toContain("1 problem: ");
  });
});

describe("closing the health server", () => {
  it("comes first or last, and first where that is absent", () => {
    expect([undefined, "first", "last"].map((closeHealth) => resolve({ closeHealth }).closeHealth)).toEqual([
      "first",
      "first",
      "last",
    ]);
    for (const wrong of ["", "never", null, true])
      expect(problems({ closeHealth: wrong })).toContain('closeHealth must be "first" or "last", not ');
  });
});

it("a check's name is shown to its 64th character", () => {
  expect(problems({ checks: { ["x".repeat(65)]: () => {} } })).toContain(`: checks.${"x".repeat(64)}: a name has 1 to 64`);
});

it("the default of each number is known by its option", () => {
  const defaults = Object.entries(numbers).map(([name, [fallback]]) => [name, fallback] as const);
  expect(numberDefaults).toEqual(new Map(defaults));
});

describe("the settings of the chart", () => {
  it("have only the options that the chart knows", () => {
    environment({});
    const settings = settingsOf(resolve({ pingAttempts: 9, healthPort: 1 }));
    expect(settings).toEqual({ ...defaultSettings, pingAttempts: 9 });
  });

  it("name whether there is a Redis and a health server, and Redis without its password", () => {
    expect(settingsOf(resolve({ redis: "redis://me:secret@there:1" })).redisLabel).toBe("redis://me:***@there:1");
    expect(settingsOf(resolve({ redis: aClient() })).redisLabel).toBe("the given client");
    expect(settingsOf(resolve({ redis: null }))).toMatchObject({ hasRedis: false, hasHealth: false });
    expect(settingsOf(resolve({ redis: "redis://there" }))).toMatchObject({ hasRedis: true, hasHealth: true });
  });

  it("repeat a failed beat within a second, and not later than the next beat", () => {
    expect(settingsOf(resolve({ heartbeatMs: 300 })).leaseRetryMs).toBe(300);
    expect(settingsOf(resolve({ heartbeatMs: 3000 })).leaseRetryMs).toBe(1000);
  });
});
