/** A TCP proxy that delays each way and counts flights: bytes up that could only be sent after the last answer. */
import { once } from "node:events";
import { connect, createServer } from "node:net";

export const startSlowProxy = async (target, eachWayMs) => {
  const sockets = new Set();
  /** when each flight began */
  const flights = [];
  const pipe = (from, to, note) => {
    sockets.add(from);
    from.setNoDelay(true);
    from.on("data", (chunk) => {
      note();
      setTimeout(() => to.writable && to.write(chunk), eachWayMs);
    });
    from.on("error", () => {});
    from.on("close", () => {
      sockets.delete(from);
      setTimeout(() => to.destroy(), eachWayMs);
    });
  };
  const takeOff = () => {
    const now = performance.now();
    if (now - (flights.at(-1) ?? Number.NEGATIVE_INFINITY) > 1.2 * eachWayMs) flights.push(now);
  };
  const server = createServer((near) => {
    const far = connect(target, "127.0.0.1");
    pipe(near, far, takeOff);
    pipe(far, near, () => {});
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: server.address().port,
    /** flights that were answered between two moments */
    answered: (from, until) => flights.filter((at) => at >= from && at + 1.8 * eachWayMs <= until).length,
    stop: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
};
