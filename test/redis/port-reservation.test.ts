import { once } from "node:events";
import { createServer } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { reservePort } from "../../src/redis/embedded/port-reservation.ts";

afterEach(() => void vi.restoreAllMocks());

/** Everybody draws the same port. */
const drawOne = () => vi.spyOn(Math, "random").mockReturnValue(Math.random());

test("a reserved port is nobody else's until it is released, and whoever has it may listen on it", async () => {
  drawOne();
  const { port, release } = await reservePort();
  await expect(reservePort()).rejects.toMatchObject({ code: "EADDRINUSE" });
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  server.close();
  await once(server, "close");
  await expect(reservePort()).rejects.toMatchObject({ code: "EADDRINUSE" });
  release();
  release();
  const next = await reservePort();
  expect(next.port).toBe(port);
  next.release();
});

test("one that somebody listens on is not given out", async () => {
  drawOne();
  const { port, release } = await reservePort();
  release();
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  await expect(reservePort()).rejects.toMatchObject({ code: "EADDRINUSE" });
  server.close();
  await once(server, "close");
});
