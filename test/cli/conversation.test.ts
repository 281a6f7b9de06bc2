/** A conversation on a terminal. */
import { PassThrough } from "node:stream";
import { afterEach, expect, it, vi } from "vitest";
import { WebSocketServer } from "ws";
import { authority, httpUrl } from "../../src/address.ts";
import { ask, converse } from "../../src/cli/conversation.ts";
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

type Place = { readonly page: string; readonly n: number };
type Send = (frame: object) => void;
interface FakeGateway extends AsyncDisposable {
  readonly findGateway: () => Promise<string>;
}

/** A gateway that answers each frame of a client as it is written here. Its conversation has an empty log. */
const fakeGateway = async (
  onMessage: (message: Place & { readonly text: string }, send: Send) => void,
  beforeWelcome: () => Promise<unknown> = async () => {},
): Promise<FakeGateway> => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", path: "/webchat" });
  server.on("connection", (socket) => {
    const send: Send = (frame) => socket.send(JSON.stringify(frame));
    socket.on("message", async (data) => {
      const frame = JSON.parse(String(data)) as { type: string } & Place & { text: string };
      if (frame.type === "message") return onMessage(frame, send);
      if (frame.type === "ping") return send({ type: "pong" });
      await beforeWelcome();
      send({ type: "welcome", session: "s", channel: "c", after: "0-0" });
      send({ type: "live" });
    });
  });
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  return {
    findGateway: async () => `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      for (const client of server.clients) client.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

/** The streams of a pipe in place of those of the process. */
const piped = () => {
  const input = new PassThrough();
  const written = { out: [] as string[], err: [] as string[] };
  vi.spyOn(process, "stdin", "get").mockReturnValue(input as never);
  vi.spyOn(console, "log").mockImplementation((text) => void written.out.push(text));
  vi.spyOn(console, "error").mockImplementation((text) => void written.err.push(text));
  return { input, written };
};
const place = ({ page, n }: Place): Place => ({ page, n });
const patient = { answerTimeoutMs: 60_000, explain: async () => undefined };

it("F57: a reminder is the answer to no line: the answers to later lines are waited for at the end of the input", async () => {
  let id = 0;
  const assistant = (to: string, text: string) => {
    id += 1;
    return { type: "line", id: `${id}-0`, role: "assistant", message: `x${id}`, to, text, at: 1 };
  };
  await using gateway = await fakeGateway((message, send) => {
    send({ type: "accepted", id: `m${message.n}`, ...place(message) });
    send(assistant(`m${message.n}`, `answer ${message.text}`));
    if (message.n === 1) send(assistant("m1", "Reminder: tea"));
  });
  const { input, written } = piped();
  const over = converse({ findGateway: gateway.findGateway, ...patient });
  input.write("one\n");
  await eventually("the reminder", () => written.out.includes("Reminder: tea"));
  input.end("two\n");
  expect(await over).toBe(true);
  expect(written.out).toEqual(["answer one", "Reminder: tea", "answer two"]);
});

it("F57: a message that no gateway accepts within its time fails with that, and not with what a worker may have", async () => {
  const { written } = piped();
  await using gateway = await fakeGateway((message, send) => {
    send({ type: "busy", seconds: 60, reason: "unavailable", ...place(message) });
  });
  const asked = ask({ findGateway: gateway.findGateway, answerTimeoutMs: 500, explain: async () => "a worker" }, "one");
  await expect(asked).rejects.toThrow(/^no gateway has accepted the message within 0\.5 s/);
  expect(written.err.join()).not.toContain("a worker");
});

it("F57: more lines at once than the client keeps are all sent, in order, once each", async () => {
  const lines = Array.from({ length: 250 }, (_, at) => `line ${at}`);
  const got: string[] = [];
  const { input, written } = piped();
  const isRead = () => eventually("the end of the input", () => input.readableEnded);
  await using gateway = await fakeGateway((message, send) => {
    got.push(message.text);
    send({ type: "accepted", id: `m${got.length}`, ...place(message) });
    const line = {
      type: "line",
      id: `${got.length}-0`,
      role: "assistant",
      message: "x",
      to: `m${got.length}`,
      text: "yes",
      at: 1,
    };
    send(line);
  }, isRead);
  const over = converse({ findGateway: gateway.findGateway, ...patient });
  input.end(`${lines.join("\n")}\n`);
  expect([await over, written.err]).toEqual([true, []]);
  expect(got).toEqual(lines);
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
