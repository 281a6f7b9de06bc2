/** Waiting for a promise no longer than a signal allows. */
import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { until } from "../src/until.ts";

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
