/** A question to a Redis server that is just coming up, without a client that would retry by its own schedule. */
import { once } from "node:events";
import { connect } from "node:net";

export interface ProbeTarget {
  readonly password: string;
  readonly port?: number;
  readonly socketPath?: string;
}

/** The server's pid. Rejects when nothing listens, another server does, or it is not ready yet. */
export const askServer = async ({ password, port, socketPath }: ProbeTarget, signal: AbortSignal): Promise<number> => {
  const socket = connect(socketPath === undefined ? { host: "127.0.0.1", port: port! } : { path: socketPath });
  try {
    await once(socket, "connect", { signal });
    socket.setEncoding("utf8").end(`AUTH ${password}\r\nPING\r\nINFO server\r\n`);
    let answer = "";
    socket.on("data", (text) => {
      answer += text;
    });
    await once(socket, "end", { signal });
    const pid = /^\+OK\r\n\+PONG\r\n[\s\S]*^process_id:(\d+)\r$/m.exec(answer)?.[1];
    if (pid === undefined) throw new Error("not ready");
    return Number(pid);
  } finally {
    socket.destroy();
  }
};
