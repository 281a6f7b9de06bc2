/** F15 to F17: uncaught errors, neighbours, watchers that throw, a machine that fails. */
import { expect } from "vitest";
import { fault, readable } from "../kit/fault.ts";
import { ask } from "../kit/http-client.ts";
import { failuresOf, hooksOf, phaseOf, releasesOf, reportOf, Stage } from "../kit/narrator.ts";
import { eventually } from "../kit/wait.ts";

const stage = new Stage();

for (const [what, act, message] of [
  ["an exception", "throw", "uncaught: out of nowhere"],
  ["a rejection", "reject", "uncaught: not awaited"],
] as const) {
  fault("F15", `${what} while running`, async (happened) => {
    const program = stage.service({ at: { running: [act] }, run: "rude", defers: ["quick"] });
    await stage.endsWell(program, 1);
    expect(reportOf(program)).toMatchObject({ outcome: "failed", error: { code: "SG_ERR_UNCAUGHT", message } });
    expect(hooksOf(program)).toEqual(["onStart", "run", "onStop"]);
    expect(releasesOf(program)).toEqual([0]);
    expect(phaseOf(program, "stopping.draining").outcome).toBe("done");
    expect(program.lines.filter(({ type }) => type === "stopped")).toHaveLength(1);
    expect(program.lines.some(({ type }) => type === "flight.written")).toBe(true);
    happened(`one graceful stop, run was waited for, exit 1, "${message}"; its log is whole and names the flight recording`);
  });
}

fault("F15", "a second one while stopping", async (happened) => {
  const program = stage.service({ at: { running: ["throw"], "stopping.unwinding": ["throw"] }, onStop: "hangs" });
  const { code, signal } = await program.ended;
  expect([code, signal]).toEqual([1, null]);
  const lastLine = program.errors.trim().split("\n").at(-1)!;
  expect(lastLine).toMatch(/^stargazer: uncaught again: uncaught: out of nowhere; exiting at once, without waiting for fixture/);
  expect(program.report).toBeUndefined();
  expect(program.lines.some(({ type }) => type === "flight.written")).toBe(true);
  happened(`exit 1 although onStop hangs, "${lastLine.replace(/fixture\/\S+/, "fixture/...")}"; the recording is written`);
});

fault("F16", "run returns in one of two", async (happened) => {
  const program = stage.service({ beside: true, run: "slow", options: { heartbeatMs: 200, leaseTtlMs: 1000 } });
  const { health } = await stage.entryOf(program, "beside");
  await program.line("the report of the first", ({ type }) => type === "report");
  expect((await stage.entries()).map(({ service, status }) => `${service} ${status}`)).toEqual(["beside running"]);
  // a busy machine may block its loop for a while
  await eventually("it is ready", async () => (await ask(health!.port, "/readyz")).status === 200);
  // undefined while the answer is that the event loop is busy
  const confirmedAt = async () => (await ask(health!.port, "/status")).data.lease?.confirmedAt as number | undefined;
  const before = await eventually("the other one's status", confirmedAt);
  await eventually("the other one's lease is renewed", async () => ((await confirmedAt()) ?? 0) > before);
  program.signal("SIGTERM");
  await stage.endsWell(program, 0);
  expect(reportOf(program)).toMatchObject({ outcome: "completed" });
  expect(program.lines.find(({ type }) => type === "neighbour")).toMatchObject({ outcome: "shutdown", reason: "SIGTERM" });
  happened("the other one stayed ready, registered and beating, and stopped at the SIGTERM that came later");
});

for (const unruly of ["watchers", "logger"] as const) {
  const who = unruly === "logger" ? "a logger" : "a subscriber, an inspector and a listener to facts";
  fault("F17", `${who} that throws`, async (happened) => {
    const program = stage.service({ unruly, run: "slow", defers: ["quick"] });
    expect(await program.ended, program.errors).toMatchObject({ code: 0, signal: null });
    expect(reportOf(program)).toMatchObject({ outcome: "completed", failures: [] });
    expect(hooksOf(program)).toEqual(["onStart", "run", "onStop"]);
    expect(await stage.entries()).toEqual([]);
    const messages = program.lines.filter(({ type }) => type === "contained").map(({ msg }) => String(msg));
    if (unruly === "logger") expect(program.errors).toMatch(/StargazerWarning: the logger threw: unruly/);
    else for (const one of ["a subscriber", "an inspector", "a listener"]) expect(messages).toContain(`${one} threw: unruly`);
    happened(
      `completed, exit 0; ${unruly === "logger" ? "one warning names it" : `the log names it (${messages.length} times)`}`,
    );
  });
}

fault("F17", "a machine that fails all the same", async (happened) => {
  const program = stage.service({ at: { running: ["break"] }, http: true, defers: ["quick", "quick"] });
  const { ms } = await stage.endsWell(program, 1);
  expect(reportOf(program)).toMatchObject({ outcome: "failed", exitCode: 1, error: { code: "SG_ERR_INTERNAL" } });
  expect(failuresOf(program)).toHaveLength(1);
  expect(hooksOf(program)).toEqual(["onStart", "run", "onStop"]);
  expect(releasesOf(program)).toEqual([1, 0]);
  happened(
    `deregistered, onStop and the releases ran, no connection left; it ended by itself after ${readable(ms)} of life, exit 1`,
  );
});
