/** What an orchestrator sees of a service that stops: with `closeHealth: "last"` the port answers to the last step, by default it closes first. */
import { afterEach, describe, expect, it } from "vitest";
import type { HookContext, ServiceOptions } from "../../src/index.ts";
import { StargazerService } from "../../src/index.ts";
import { silentLogger } from "../../src/logger.ts";
import { Gates } from "../kit/gates.ts";
import { ask } from "../kit/http-client.ts";
import { withPatience } from "../kit/patience.ts";
import { aborted } from "../kit/tier.ts";
import { eventually } from "../kit/wait.ts";

/** Each of its ends waits for the test. */
class Worker extends StargazerService {
  readonly gates = new Gates();
  /** of its `onStart` */
  context: HookContext | undefined;
  holdsStart = false;

  constructor(own: Partial<ServiceOptions> = {}) {
    const long = { drainTimeoutMs: 60_000, stopTimeoutMs: 60_000, shutdownTimeoutMs: 240_000 };
    super(
      withPatience({
        serviceName: "worker",
        redis: null,
        useHealthServer: true,
        healthPort: 0,
        jitterMaxMs: 0,
        logger: silentLogger,
        ...long,
        ...own,
      }),
    );
  }

  protected override async onStart(context: HookContext): Promise<void> {
    this.context = context;
    context.defer(() => this.gates.hold("release"));
    if (this.holdsStart) await this.gates.hold("start", context.signal);
  }
  protected override async run({ signal }: HookContext): Promise<void> {
    await aborted(signal);
    await this.gates.hold("drain");
  }
  protected override async onStop(): Promise<void> {
    await this.gates.hold("stop");
  }
}

const begun: Worker[] = [];
afterEach(async () => {
  for (const worker of begun.splice(0)) {
    void worker.shutdown();
    await eventually("it has stopped", () => {
      worker.gates.openAll();
      return worker.state === "stopped";
    });
  }
});
const open = async (own: Partial<ServiceOptions>): Promise<{ worker: Worker; port: number }> => {
  const worker = new Worker(own);
  begun.push(worker);
  await worker.boot();
  void worker.runToCompletion();
  await eventually("it runs", () => worker.state === "running");
  return { worker, port: worker.healthAddress!.port };
};
const isRefused = (port: number): Promise<boolean> =>
  ask(port, "/healthz").then(
    () => false,
    ({ code }) => code === "ECONNREFUSED",
  );
const answersOf = async (port: number): Promise<Record<string, unknown>> => {
  const [ready, alive, status, metrics] = await Promise.all(
    ["/readyz", "/healthz", "/status", "/metrics"].map((path) => ask(port, path)),
  );
  return {
    ready: [ready!.status, ready!.data.reason],
    alive: alive!.status,
    path: status!.data.path,
    state: /^sg_state\{state="(\w+)"\} 1$/m.exec(metrics!.body)?.[1],
  };
};

describe.each([
  { probeThread: true, on: "the probe thread" },
  { probeThread: false, on: "the main thread" },
])("a port on $on that closes last", ({ probeThread }) => {
  it("answers each probe through drain, onStop and releases, and is refused once the service has stopped", async () => {
    const { worker, port } = await open({ probeThread, closeHealth: "last" });
    const stopped = worker.shutdown();
    for (const [gate, step] of [
      ["drain", "draining"],
      ["stop", "unwinding"],
      ["release", "releasing"],
    ] as const) {
      const held = await worker.gates.take(gate);
      await eventually("the step is shown", async () => (await answersOf(port)).path === `stopping.${step}`);
      expect(await answersOf(port)).toEqual({
        ready: [503, "the service is in 'stopping'"],
        alive: 200,
        path: `stopping.${step}`,
        state: "stopping",
      });
      held.open();
    }
    const { outcome, phases } = await stopped;
    expect(outcome).toBe("shutdown");
    expect(phases.map(({ phase }) => phase).slice(-5)).toEqual([
      "stopping.unwinding",
      "stopping.releasing",
      "stopping.closing",
      "stopping.disconnecting",
      "stopped",
    ]);
    expect(await isRefused(port)).toBe(true);
  });
});

describe("context.stopping", () => {
  it("aborts on entry of stopping, after the probes show it and before any fact; context.signal when the drain begins", async () => {
    const seen: string[] = [];
    const { worker, port } = await open({ probeThread: false, closeHealth: "last" });
    const { signal, stopping } = worker.context!;
    const note = (what: string) => seen.push(`${what} in ${worker.status().path}, signal ${signal.aborted ? "" : "not "}aborted`);
    stopping.addEventListener("abort", () => note("stopping"));
    worker.onFact(({ type }) => type === "state.entered" && note("fact"));
    expect(stopping.aborted).toBe(false);
    void worker.shutdown();
    expect(seen).toEqual([
      "stopping in stopping.announcing, signal not aborted",
      "fact in stopping.announcing, signal not aborted",
    ]);
    expect(stopping.reason).toMatchObject({ name: "AbortError" });
    expect((await ask(port, "/readyz")).status).toBe(503);
  });

  it("has aborted in onStop, also where a boot is cut", async () => {
    const worker = new Worker({ startTimeoutMs: 60_000 });
    worker.holdsStart = true;
    const booted = worker.boot().catch(({ code }) => code);
    await worker.gates.take("start");
    const stopped = worker.shutdown();
    worker.gates.openNamed("start");
    await worker.gates.take("stop").then((gate) => gate.open());
    await worker.gates.take("release").then((gate) => gate.open());
    await stopped;
    expect(await booted).toBe("SG_ERR_BOOT_ABORTED");
    expect(worker.context!.stopping.aborted).toBe(true);
  });
});

describe("a port that closes first", () => {
  it("is refused before the drain has begun", async () => {
    const { worker, port } = await open({});
    void worker.shutdown();
    const held = await worker.gates.take("drain");
    expect(await isRefused(port)).toBe(true);
    held.open();
  });

  it.each([["never"], [true], [null]])("closeHealth %o is refused by the constructor", (closeHealth) => {
    expect(() => new Worker({ closeHealth } as never)).toThrow('closeHealth must be "first" or "last"');
  });
});
