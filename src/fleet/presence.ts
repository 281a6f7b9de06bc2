/**
 * Whether the process of a run lives: it listens on a socket in the run's folder. The system ends that with the process, so no pid is
 * asked, which may be another process's by now, or of another container.
 */
import { once } from "node:events";
import type { Server } from "node:net";
import { connect, createServer } from "node:net";
import { basename, join } from "node:path";

/** ms for an answer of the system; a listener that is busy or stopped needs none of its own */
const askTimeoutMs = 1000;

/** Where the process of the run in `folder` listens, which is called `name` or going to be. */
export const socketIn = (folder: string, name: string = basename(folder)): string =>
  process.platform === "win32" ? `\\\\.\\pipe\\stargazer-${name}` : join(folder, "up.sock");

/** Listens in `folder`, which is going to be called `name`. Keeps no process alive. Rejects where there can be no socket. */
export const beginPresence = async (folder: string, name: string): Promise<Server> => {
  const server = createServer((socket) => socket.destroy()).unref();
  server.listen({ path: socketIn(folder, name), exclusive: true });
  await once(server, "listening");
  return server.on("error", () => {});
};

/** Whether a process listens in the folder. A question without an answer counts as yes: what lives is never taken for dead. */
export const isPresent = async (folder: string): Promise<boolean> => {
  const socket = connect({ path: socketIn(folder) });
  try {
    await once(socket, "connect", { signal: AbortSignal.timeout(askTimeoutMs) });
    return true;
  } catch (error) {
    return !["ECONNREFUSED", "ENOENT"].includes(String((error as NodeJS.ErrnoException).code));
  } finally {
    socket.destroy();
  }
};
