import { once } from "node:events";
import { createServer } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { reservePort } from "./port-reservation.ts";

afterEach(() => void vi.restoreAllMocks());

/** Every call draws the same port. */
const drawOne = () => vi.spyOn(Math, "random").mockReturnValue(Math.random());

test("a reserved port is given out once until it is released, and its holder may listen on it", async () => {
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

test("a port with a listener is not given out", async () => {
  drawOne();
  const { port, release } = await reservePort();
  release();
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  await expect(reservePort()).rejects.toMatchObject({ code: "EADDRINUSE" });
  server.close();
  await once(server, "close");
});
