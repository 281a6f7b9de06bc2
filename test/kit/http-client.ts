/** Loopback clients for tests: whole requests, and connections that are driven by hand. */
import { once } from "node:events";
import type { Agent, IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import { request } from "node:http";
import type { Socket } from "node:net";
import { connect } from "node:net";
import { text } from "node:stream/consumers";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** the body as JSON */
  // biome-ignore lint/suspicious/noExplicitAny: each test knows the shape that it asked for
  readonly data: any;
}

/** One request. Without an agent it has a connection of its own, which ends with it. */
export const ask = async (
  port: number,
  path: string,
  { method = "GET", agent = false as Agent | false, headers = {} as OutgoingHttpHeaders } = {},
): Promise<Answer> => {
  const outgoing = request({ host: "127.0.0.1", port, path, method, agent, headers });
  outgoing.end();
  const [answer] = await once(outgoing, "response");
  const body = await text(answer);
  const isJson = body !== "" && String(answer.headers["content-type"]).includes("json");
  return { status: answer.statusCode, headers: answer.headers, body, data: isJson ? JSON.parse(body) : undefined };
};

export interface Line {
  readonly socket: Socket;
  /** all that came, once the other side has ended the connection; rejects if it was reset */
  readonly received: Promise<string>;
}

/** A request whose head never ends: a byte of it now and then, until the connection is over. */
export const trickle = (socket: Socket): void => {
  socket.write("GET /healthz HTTP/1.1\r\nx: ");
  const timer = setInterval(() => socket.write("x"), 20);
  socket.once("close", () => clearInterval(timer));
};

/** A connection, made and silent. */
export const dial = async (port: number): Promise<Line> => {
  const socket = connect({ host: "127.0.0.1", port });
  await once(socket, "connect");
  const received = text(socket);
  received.catch(() => {});
  return { socket, received };
};
