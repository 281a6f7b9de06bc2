/** Waiting for a promise no longer than a signal allows. */
import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { until, withDeadline } from "../src/until.ts";
import { leftAt } from "./kit/left-at-signal.ts";

const never = new Promise<never>(() => {});

describe("a wait with a signal", () => {
  it("settles with the promise and leaves no listener on the signal", async () => {
    const { signal } = new AbortController();
    expect(await until(Promise.resolve(1), { signal, what: "one" })).toBe(1);
    await expect(until(Promise.reject(new Error("torn")), { signal, what: "one" })).rejects.toThrow("torn");
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("rejects with a reason that was given, unchanged, also if the signal has aborted before", async () => {
    const stop = new AbortController();
    const reason = new Error("enough");
    const waiting = until(never, { signal: stop.signal, what: "one" });
    stop.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(until(Promise.reject(new Error("torn")), { signal: stop.signal, what: "one" })).rejects.toBe(reason);
  });

  it("names what it waited for when a deadline passes", async () => {
    const waiting = until(never, { signal: AbortSignal.timeout(1), what: "the reply to PING" });
    await expect(waiting).rejects.toMatchObject({
      name: "TimeoutError",
      message: "the wait for the reply to PING passed its deadline",
    });
  });

  it("keeps a result that was handed over, also when its receiver aborts at once", async () => {
    const stop = new AbortController();
    const released: string[] = [];
    const result = Promise.resolve("a socket");
    await until(result, { signal: stop.signal, what: "a socket", late: (socket) => released.push(socket) }).then(() =>
      stop.abort(),
    );
    await result;
    await new Promise((resolve) => setImmediate(resolve));
    expect(released).toEqual([]);
  });

  it.each([true, false])("hands a result that comes after the abort to 'late' (aborted before the wait: %s)", async (before) => {
    const stop = new AbortController();
    let resolve = (_: string) => {};
    const promise = new Promise<string>((settle) => void (resolve = settle));
    const released: string[] = [];
    if (before) stop.abort("enough");
    const waiting = until(promise, { signal: stop.signal, what: "a socket", late: (socket) => released.push(socket) });
    if (!before) stop.abort("enough");
    await expect(waiting).rejects.toBe("enough");
    resolve("socket");
    await promise;
    expect(released).toEqual(["socket"]);
  });
});

describe("a wait with a deadline", () => {
  const waiting = { ms: 60_000, what: "the reply" };

  it("settles with the work, and leaves nothing at a signal that lives on", async () => {
    const { signal } = new AbortController();
    expect(await withDeadline(async () => 1, { ...waiting, signal })).toBe(1);
    await expect(withDeadline(() => Promise.reject(new Error("torn")), { ...waiting, signal })).rejects.toThrow("torn");
    await expect(
      withDeadline(
        () => {
          throw new Error("at once");
        },
        { ...waiting, signal },
      ),
    ).rejects.toThrow("at once");
    expect(leftAt(signal)).toEqual([]);
  });

  it("names what it waited for when the deadline passes, and aborts the signal of the work", async () => {
    let given: AbortSignal | undefined;
    const work = (signal: AbortSignal) => {
      given = signal;
      return never;
    };
    await expect(withDeadline(work, { ms: 1, what: "the reply" })).rejects.toMatchObject({
      name: "TimeoutError",
      message: "the wait for the reply passed its deadline",
    });
    expect(given?.aborted).toBe(true);
  });

  it("rejects with the reason of its signal, also of one that has aborted before", async () => {
    const reason = new Error("enough");
    const stop = new AbortController();
    const early = withDeadline(() => never, { ...waiting, signal: stop.signal });
    stop.abort(reason);
    await expect(early).rejects.toBe(reason);
    await expect(withDeadline(() => never, { ...waiting, signal: stop.signal })).rejects.toBe(reason);
    expect(leftAt(stop.signal)).toEqual([]);
  });

  it("causes no warning of Node about many waits for one signal", async () => {
    const warnings: Error[] = [];
    const note = (warning: Error) => void warnings.push(warning);
    process.on("warning", note);
    const stop = new AbortController();
    const waits = Array.from({ length: 30 }, () => withDeadline(() => never, { ...waiting, signal: stop.signal }));
    await new Promise((resolve) => setImmediate(resolve));
    stop.abort(new Error("enough"));
    expect((await Promise.allSettled(waits)).every(({ status }) => status === "rejected")).toBe(true);
    process.off("warning", note);
    expect(warnings).toEqual([]);
  });
});
