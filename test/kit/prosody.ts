/** A prosody of a test file's own on loopback, without TLS; undefined where it is not installed. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { reservePort } from "./port-reservation.ts";

export interface Prosody {
  readonly url: string;
  /** ends it; `start` has it again, with what it kept */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** how many messages it keeps for an account that no connection has received */
  kept(account: string): number;
}

const program = "/usr/bin/prosody";
export const hasProsody = existsSync(program);

const configOf = (folder: string, port: number): string => `
run_as_root = true
pidfile = "${folder}/prosody.pid"
data_path = "${folder}/data"
certificates = "${folder}/certs"
modules_enabled = { "saslauth", "roster", "disco", "smacks", "message", "presence", "iq", "offline", "ping" }
modules_disabled = { "s2s", "tls" }
interfaces = { "127.0.0.1" }
c2s_ports = { ${port} }
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_hashed"
smacks_hibernation_time = 1
log = { info = "*console" }
VirtualHost "localhost"
`;

/** With accounts of the domain `localhost` whose password is `secret`. */
export const startProsody = async (...accounts: readonly string[]): Promise<Prosody> => {
  const folder = mkdtempSync(join(tmpdir(), "stargazer-prosody-"));
  for (const name of ["data", "certs"]) mkdirSync(join(folder, name));
  const { port } = await reservePort();
  const config = join(folder, "prosody.cfg.lua");
  writeFileSync(config, configOf(folder, port));
  for (const account of accounts)
    execFileSync("prosodyctl", ["--config", config, "register", account, "localhost", "secret"], { stdio: "ignore" });
  let child: ReturnType<typeof spawn> | undefined;
  const start = async (): Promise<void> => {
    const started = spawn(program, ["--config", config, "-F"], { stdio: ["ignore", "pipe", "ignore"] });
    child = started;
    for await (const line of createInterface({ input: started.stdout! })) if (/Activated service 'c2s' on/.test(line)) break;
    started.stdout!.resume();
  };
  const stop = async (): Promise<void> => {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    running.kill("SIGTERM");
    await once(running, "exit");
  };
  await start();
  process.once("exit", () => {
    child?.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });
  const kept = (account: string): number => {
    const file = join(folder, "data", "localhost", "offline", `${account}.list`);
    return existsSync(file) ? readFileSync(file, "utf8").split("item(").length - 1 : 0;
  };
  return { url: `xmpp://127.0.0.1:${port}`, start, stop, kept };
};
