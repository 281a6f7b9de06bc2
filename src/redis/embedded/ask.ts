/** A question to a server that is just coming up, without a client that would retry by its own schedule. */
import { once } from "node:events";
import { connect } from "node:net";
import type { Waiting } from "../../until.ts";
import type { Address } from "./address.ts";
import { quoted } from "./quoted.ts";

/**
 * Resolves with the server's pid; `password` is the administrator's. Rejects when nothing listens or the server is not ready yet.
 * The question goes over the socket only: it is in a private folder, so no process of another user can receive the password.
 */
export const askServer = async ({ socketPath }: Address, password: string, { signal }: Waiting): Promise<number> => {
  const socket = connect({ path: socketPath });
  try {
    await once(socket, "connect", { signal });
    socket.setEncoding("utf8").end(`AUTH ${quoted(password)}\r\nPING\r\nINFO server\r\n`);
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
