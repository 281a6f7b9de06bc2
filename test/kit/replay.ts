/** The commands of a client to Redis, byte for byte, to be sent again later by another client. */
import { once } from "node:events";
import { connect } from "node:net";
import type { LoopbackProxy } from "./proxy.ts";
import type { TestRedis } from "./redis.ts";

/** Keeps every chunk with a script in it that goes up through the proxy; they pass all the same. */
export const recordScripts = (proxy: LoopbackProxy): Buffer[] => {
  const chunks: Buffer[] = [];
  proxy.beforeUp = (chunk) => {
    if (/EVAL/i.test(chunk.toString("latin1"))) chunks.push(chunk);
    return undefined;
  };
  return chunks;
};

/** Sends all of it on a new connection; resolves with the answers once the last one has come. */
export const replay = async (
  { port, password }: Pick<TestRedis, "port" | "password">,
  chunks: readonly Buffer[],
): Promise<string> => {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  let answers = "";
  socket.write(`AUTH ${password}\r\n`);
  for (const chunk of chunks) socket.write(chunk);
  socket.write("ECHO that-was-all\r\n");
  for await (const chunk of socket) {
    answers += String(chunk);
    if (answers.includes("that-was-all")) break;
  }
  socket.destroy();
  return answers;
};
