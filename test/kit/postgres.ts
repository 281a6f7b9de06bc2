/** A Postgres for a test: a real server where one is installed, else a fake that answers every query with one row. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import type { AddressInfo, Socket } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { eventually } from "./wait.ts";

export interface Postgres {
  readonly kind: "real" | "fake";
  readonly url: string;
  stop(): Promise<void>;
}

const debian = "/usr/lib/postgresql";
const folders = (): string[] => [
  ...(process.env.PATH ?? "").split(delimiter),
  ...(existsSync(debian) ? readdirSync(debian).map((version) => join(debian, version, "bin")) : []),
];
const idOf = (kind: "-u" | "-g"): number | undefined => {
  const { status, stdout } = spawnSync("id", [kind, "postgres"], { encoding: "utf8" });
  return status === 0 ? Number(stdout) : undefined;
};

const freePort = async (): Promise<number> => {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
};

/** A server refuses to run as root, so there it runs as the user of its package. */
const startReal = async (bin: string): Promise<Postgres | undefined> => {
  const isRoot = process.getuid?.() === 0;
  const [uid, gid] = isRoot ? [idOf("-u"), idOf("-g")] : [undefined, undefined];
  if (isRoot && (uid === undefined || gid === undefined)) return undefined;
  const own = uid === undefined || gid === undefined ? {} : { uid, gid };
  const folder = mkdtempSync(join(tmpdir(), "sg-postgres-"));
  if (uid !== undefined && gid !== undefined) chownSync(folder, uid, gid);
  const data = join(folder, "data");
  const made = spawnSync(join(bin, "initdb"), ["-D", data, "-A", "trust", "-U", "test", "-N", "--locale=C"], {
    ...own,
    cwd: folder,
  });
  if (made.status !== 0) {
    rmSync(folder, { recursive: true, force: true });
    return undefined;
  }
  const port = await freePort();
  const options = ["-D", data, "-p", String(port), "-k", folder, "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"];
  const server = spawn(join(bin, "postgres"), options, { ...own, cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  server.stderr!.on("data", (chunk) => {
    log += String(chunk);
  });
  await eventually("Postgres is ready", () => log.includes("ready to accept connections"));
  return {
    kind: "real",
    url: `postgres://test@127.0.0.1:${port}/postgres`,
    stop: async () => {
      const ended = once(server, "close");
      server.kill("SIGINT");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

/** A message of the protocol: its type, its length and its fields. */
const message = (type: string, ...fields: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(fields);
  const head = Buffer.alloc(5, type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
};
const int = (bytes: 2 | 4, value: number): Buffer => {
  const buffer = Buffer.alloc(bytes);
  buffer.writeIntBE(value, 0, bytes);
  return buffer;
};
const ready = message("Z", Buffer.from("I"));
const accepted = Buffer.concat([message("R", int(4, 0)), ready]);
const column = Buffer.concat([Buffer.from("one\0"), int(4, 0), int(2, 0), int(4, 23), int(2, 4), int(4, -1), int(2, 0)]);
const oneRow = Buffer.concat([
  message("T", int(2, 1), column),
  message("D", int(2, 1), int(4, 1), Buffer.from("1")),
  message("C", Buffer.from("SELECT 1\0")),
  ready,
]);

/** Speaks as much of the protocol as the simple queries of a pool need, one message a chunk. */
const startFake = async (): Promise<Postgres> => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}).on("close", () => sockets.delete(socket)));
    let hasBegun = false;
    socket.on("data", (chunk) => {
      const type = hasBegun ? String.fromCharCode(chunk[0]!) : "startup";
      hasBegun = true;
      if (type === "startup") socket.write(accepted);
      else if (type === "Q") socket.write(oneRow);
      else socket.end();
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    kind: "fake",
    url: `postgres://test@127.0.0.1:${(server.address() as AddressInfo).port}/postgres`,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
};

export const startPostgres = async ({ fake = false } = {}): Promise<Postgres> => {
  const bin = fake ? undefined : folders().find((folder) => existsSync(join(folder, "initdb")));
  return (bin === undefined ? undefined : await startReal(bin)) ?? startFake();
};
