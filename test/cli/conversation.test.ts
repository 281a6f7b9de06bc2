/** A conversation on a terminal. */
import { PassThrough } from "node:stream";
import { afterEach, expect, it, vi } from "vitest";
import { WebSocketServer } from "ws";
import { authority, httpUrl } from "../../src/address.ts";
import { converse } from "../../src/cli/conversation.ts";
import { eventually } from "../kit/wait.ts";

afterEach(() => vi.restoreAllMocks());

it("F57: an empty line on a terminal is not sent, and a prompt follows it", async () => {
  const gateway = new WebSocketServer({ port: 0, host: "127.0.0.1", path: "/webchat" });
  const sent: string[] = [];
  gateway.on("connection", (socket) => {
    socket.on("message", (data) => sent.push(String(data)));
  });
  await new Promise((resolve) => gateway.once("listening", resolve));
  const input = Object.assign(new PassThrough(), { isTTY: true });
  vi.spyOn(process, "stdin", "get").mockReturnValue(input as never);
  const written: string[] = [];
  const wasTerminal = process.stdout.isTTY;
  process.stdout.isTTY = true;
  vi.spyOn(process.stdout, "write").mockImplementation((text) => written.push(String(text)) > 0);
  try {
    const { port } = gateway.address() as { port: number };
    const over = converse({
      findGateway: async () => `http://127.0.0.1:${port}`,
      answerTimeoutMs: 1000,
      explain: async () => undefined,
    });
    await eventually("the first prompt", () => written.join("") === "> ");
    input.write("\n");
    await eventually("the second prompt", () => written.join("") === "> > ");
    input.end(" \n");
    await over;
    expect([written.join(""), sent.filter((frame) => !frame.includes('"hello"'))]).toEqual(["> > > ", []]);
  } finally {
    process.stdout.isTTY = wasTerminal;
    for (const client of gateway.clients) client.terminate();
    gateway.close();
  }
});

it.each([
  ["127.0.0.1", "127.0.0.1:80", "http://127.0.0.1:80"],
  ["::1", "[::1]:80", "http://[::1]:80"],
  ["Host-1.example", "Host-1.example:80", "http://Host-1.example:80"],
  ["a/b", "a/b:80", undefined],
  ["a@b", "a@b:80", undefined],
  ["fe80::1%eth0", "[fe80::1%eth0]:80", undefined],
])("F57: the address of %s is %s", (host, shown, url) => {
  expect([authority({ host, port: 80 }), httpUrl({ host, port: 80 })]).toEqual([shown, url]);
});
