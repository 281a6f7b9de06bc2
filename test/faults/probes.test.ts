/** F1 to F5: probes and draining. */
import { Agent } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, expect } from "vitest";
import { fault, readable } from "../kit/fault.ts";
import type { Line } from "../kit/http-client.ts";
import { ask, dial } from "../kit/http-client.ts";
import type { Plan } from "../kit/narrator.ts";
import { failuresOf, fireHeld, hooksOf, phaseOf, reportOf, Stage } from "../kit/narrator.ts";
import type { Program } from "../kit/program.ts";
import { eventually } from "../kit/wait.ts";

const stage = new Stage();
const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

const drainDelayMs = 1500;
/** the drain delay ends when the test ends it */
const heldDelay = (options: object) => ({ holdMs: drainDelayMs, options: { drainDelayMs, ...options } });
/** so many looks at each probe, all within the drain delay */
const looks = 20;
const threads = [
  ["answered on the main thread", false],
  ["answered on the probe thread", true],
] as const;

const httpPortOf = async (program: Program): Promise<number> =>
  Number((await program.line("its own port", ({ type }) => type === "http")).port);

interface Round {
  readonly ready: number;
  readonly live: number;
  readonly own: number;
}

/** What both probes and the tier's own page answer while the drain delay lasts. */
const drained = async (probeThread: boolean): Promise<{ rounds: Round[]; took: string }> => {
  const { program, port } = await stage.running({ http: true, ...heldDelay({ probeThread }) });
  await eventually("ready", async () => (await ask(port, "/readyz")).status === 200);
  const own = await httpPortOf(program);
  program.signal("SIGTERM");
  await program.state("stopping");
  const since = performance.now();
  const rounds: Round[] = [];
  while (rounds.length < looks) {
    const [ready, live, page] = await Promise.all([ask(port, "/readyz"), ask(port, "/healthz"), ask(own, "/")]);
    rounds.push({ ready: ready.status, live: live.status, own: page.status });
  }
  const took = readable(performance.now() - since);
  expect(await fireHeld(program)).toBe(1);
  await stage.endsWell(program, 0);
  expect(phaseOf(program, "stopping.announcing").outcome).toBe("done");
  return { rounds, took };
};

for (const [what, probeThread] of threads) {
  fault("F1", what, async (happened) => {
    const { rounds, took } = await drained(probeThread);
    expect(new Set(rounds.map(({ ready }) => ready))).toEqual(new Set([503]));
    expect(new Set(rounds.map(({ own }) => own))).toEqual(new Set([200]));
    happened(`${rounds.length} times in the ${took} of its drain delay: /readyz 503, the tier's own page 200`);
  });

  fault("F2", what, async (happened) => {
    const { rounds, took } = await drained(probeThread);
    expect(new Set(rounds.map(({ live }) => live))).toEqual(new Set([200]));
    happened(`${rounds.length} times in the ${took} of its drain delay: /healthz 200`);
  });
}

/** A connection on which one whole request was answered and kept alive, and another one has begun. */
const inFlight = async (port: number): Promise<Line> => {
  const line = await dial(port);
  endings.push(() => line.socket.destroy());
  let received = "";
  line.socket.on("data", (chunk) => {
    received += String(chunk);
  });
  line.socket.write("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n");
  await eventually("the first answer", () => received.includes('"') || received.includes("\r\n\r\n"));
  expect(received).toMatch(/^HTTP\/1\.1 200[\s\S]*connection: keep-alive/i);
  line.socket.write("GET /healthz HTTP/1.1\r\n");
  return line;
};

const isClosed = (port: number) =>
  eventually("the port is closed", async () => (await ask(port, "/healthz").catch(({ code }) => code)) === "ECONNREFUSED");

for (const [what, probeThread] of threads) {
  fault("F3", `a probe under way, ${what}`, async (happened) => {
    // a connection on which nothing comes for a quarter of a second after the close is closed, so a busy machine has several goes
    const { durationMs } = await eventually("an answer in time", async () => {
      const { program, port } = await stage.running({
        options: { probeThread, healthTimeoutMs: 30_000, shutdownTimeoutMs: 60_000 },
      });
      const idle = new Agent({ keepAlive: true });
      endings.push(() => idle.destroy());
      await Promise.all(Array.from({ length: 10 }, () => ask(port, "/healthz", { agent: idle })));
      const { socket, received } = await inFlight(port);
      await ask(port, "/healthz");
      program.signal("SIGTERM");
      await isClosed(port);
      socket.write("host: localhost\r\n\r\n");
      const answers = (await received.catch(() => "")).split(/(?=HTTP\/1\.1 )/);
      await stage.endsWell(program, 0);
      const closing = phaseOf(program, "stopping.closing");
      expect(closing.outcome).toBe("done");
      return /^HTTP\/1\.1 200 OK[\s\S]*connection: close/i.test(answers.at(-1) ?? "") && closing;
    });
    happened(`it was answered after the port had closed; with 10 idle ones the close took ${readable(durationMs)}`);
  });
}

fault("F3", "a request of the tier's own", async (happened) => {
  const { program } = await stage.running({ http: true });
  const port = await httpPortOf(program);
  const agent = new Agent({ keepAlive: true });
  endings.push(() => agent.destroy());
  expect((await ask(port, "/", { agent })).headers.connection).toBe("keep-alive");
  const answer = ask(port, "/in-flight", { agent });
  await program.line("it is under way", ({ type }) => type === "in flight");
  program.signal("SIGTERM");
  const { status, body, headers } = await answer;
  expect([status, body, headers.connection]).toEqual([200, "finished", "close"]);
  await stage.endsWell(program, 0);
  const { durationMs, outcome } = phaseOf(program, "stopping.releasing");
  expect(outcome).toBe("done");
  happened(
    `it finished while the service drained; its keep-alive connection ended with it, the close took ${readable(durationMs)}`,
  );
});

type Outcome = "served" | "refused" | "reset before an answer" | "cut half way";

/** One new connection with one request on it. */
const connectOnce = async (port: number): Promise<Outcome> => {
  const socket = connect({ host: "127.0.0.1", port });
  let begun = false;
  socket.on("data", () => {
    begun = true;
  });
  socket.write("GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
  try {
    const answer = await text(socket);
    return /^HTTP\/1\.1 200 OK[\s\S]*\r\n\r\n./.test(answer) ? "served" : "cut half way";
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ECONNREFUSED") return "refused";
    return begun ? "cut half way" : "reset before an answer";
  }
};

/** Connects again and again until it is refused. */
const connectAgain = async (port: number, outcomes: Outcome[]): Promise<void> => {
  while (outcomes.at(-1) !== "refused") outcomes.push(await connectOnce(port));
};
const clients = 4;

for (const [what, probeThread] of threads) {
  fault("F4", `four clients without pause, ${what}`, async (happened) => {
    const { program, port } = await stage.running(heldDelay({ probeThread }));
    const outcomes: Outcome[][] = Array.from({ length: clients }, () => []);
    const all = Promise.all(outcomes.map((own) => connectAgain(port, own)));
    program.signal("SIGTERM");
    await program.state("stopping");
    const before = outcomes.map(({ length }) => length);
    await eventually("each has connected in the drain delay", () =>
      outcomes.every((own, at) => own.length > before[at]! + looks || own.at(-1) === "refused"),
    );
    expect(new Set(outcomes.flat())).toEqual(new Set(["served"]));
    expect(await fireHeld(program)).toBe(1);
    await all;
    const count = (wanted: Outcome) => outcomes.flat().filter((outcome) => outcome === wanted).length;
    expect([count("cut half way"), count("refused")]).toEqual([0, clients]);
    // closing the listener resets connections that the kernel has completed but Node has not accepted
    const reset = count("reset before an answer");
    expect(reset).toBeLessThanOrEqual(clients);
    await stage.endsWell(program, 0);
    happened(`${count("served")} served while it drained, ${reset} reset as it closed, then refused; none cut half way`);
  });
}

const graceMs = 300;
const outliving: readonly [string, Plan][] = [
  ["run", { run: "hangs" }],
  ["onStart", { onStart: "hangs", at: { starting: ["SIGTERM"] } }],
];
for (const [what, plan] of outliving) {
  fault("F5", what, async (happened) => {
    const program = stage.service({ ...plan, defers: ["quick"], options: { drainTimeoutMs: graceMs } });
    if (plan.at === undefined) {
      await program.state("running");
      program.signal("SIGTERM");
    }
    expect(await program.ended, program.errors).toMatchObject({ code: 1, signal: null });
    expect(program.lines.find(({ type }) => type === "cancelled")).toMatchObject({ what, reason: "AbortError" });
    const { durationMs, outcome } = phaseOf(program, "stopping.draining");
    expect(outcome).toBe("timeout");
    expect(failuresOf(program)).toEqual(["stopping.draining SG_ERR_DRAIN_TIMEOUT"]);
    expect(reportOf(program)).toMatchObject({ outcome: "failed", reason: "SIGTERM" });
    expect(hooksOf(program).at(-1)).toBe("onStop");
    expect(await stage.entries()).toEqual([]);
    happened(
      `its signal aborted, it was left after ${readable(durationMs)} of ${readable(graceMs)}, exit 1: "${reportOf(program).error!.message}"`,
    );
  });
}

fault("F5", "work that ends within its grace", async (happened) => {
  const { program } = await stage.running({ run: "rude" });
  program.signal("SIGTERM");
  await stage.endsWell(program, 0);
  const { durationMs, outcome } = phaseOf(program, "stopping.draining");
  expect(outcome).toBe("done");
  happened(`it took ${readable(durationMs)} after its signal, and was waited for: exit 0`);
});
