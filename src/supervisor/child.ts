/** One child process as an actor: a leader of its own process group, with an IPC channel for its messages. */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { fromCallback } from "xstate";
import type { ChildAddresses, ChildCommand, ChildFact, ChildInput, ChildLogic } from "../../machines/index.ts";
import { systemClock } from "../clock.ts";
import { inheritedEnvironment } from "../environment.ts";
import { messageOf } from "../errors.ts";
import type { ServiceMessage } from "../process.ts";
import { signalGroup, supervisedEnvironment } from "../process.ts";

/** The names of the child's service in the registry. */
interface InstanceName {
  readonly service: string;
  readonly instance: string;
}

/** What is spawned. */
export interface ChildSpec {
  readonly command: string;
  readonly args: readonly string[];
  /** over the environment of this process; `undefined` removes a variable */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** file descriptor for standard output and error; without one both are discarded */
  readonly log?: number | undefined;
}

/** The last messages of a child are read after its exit, within this many ms. */
const lastMessagesMs = 1000;

/**
 * The actor of one process. It spawns `specOf(addresses)` when it starts, `addresses` being where the child before it listened, and
 * sends `child.spawned`, the child's messages (its names go to `onNamed`), and `child.exited` after the last of them; `child.failed` where nothing could be
 * spawned. `terminate` sends one SIGTERM to the child itself, `kill` SIGKILL to its whole group. Stopping the actor kills what is left.
 */
export const processChild = (
  specOf: (addresses: ChildAddresses) => ChildSpec,
  onNamed: (name: InstanceName) => void = () => {},
): ChildLogic =>
  fromCallback<ChildCommand, ChildInput>(({ input, sendBack, receive }) => {
    const child = spawnChild(specOf(input.addresses), sendBack, onNamed);
    if (child === undefined) return;
    receive(({ type }) => {
      if (type === "kill") killGroup(child);
      else if (isAlive(child)) child.kill("SIGTERM");
    });
    return () => killGroup(child);
  });

const spawnChild = (
  spec: ChildSpec,
  send: (fact: ChildFact) => void,
  onNamed: (name: InstanceName) => void,
): ChildProcess | undefined => {
  try {
    const output = spec.log ?? "ignore";
    const child = spawn(spec.command, spec.args, {
      detached: true,
      stdio: ["ignore", output, output, "ipc"],
      env: inheritedEnvironment({ ...spec.env, ...supervisedEnvironment }),
    });
    forward(child, send, onNamed);
    return child;
  } catch (error) {
    send({ type: "child.failed", reason: messageOf(error) });
    return undefined;
  }
};

/** An error after the spawn is not the child's end: its exit still comes. */
const forward = (child: ChildProcess, send: (fact: ChildFact) => void, onNamed: (name: InstanceName) => void): void => {
  if (child.pid !== undefined) send({ type: "child.spawned", pid: child.pid });
  child.on("error", (error) => {
    if (child.pid === undefined) send({ type: "child.failed", reason: error.message });
  });
  child.on("message", (message) => {
    if (!isServiceMessage(message)) return;
    if (message.type === "named") onNamed({ service: message.service, instance: message.instance });
    else send(factOf(message));
  });
  child.once("exit", (code, signal) => {
    const end = () => send({ type: "child.exited", code, signal });
    const late = systemClock.setTimeout(end, lastMessagesMs);
    child.once("close", () => {
      systemClock.clearTimeout(late);
      end();
    });
  });
};

const isServiceMessage = (message: unknown): message is ServiceMessage =>
  ["named", "state", "listening", "report"].includes((message as { type?: string } | null)?.type ?? "");

const factOf = (message: Exclude<ServiceMessage, { type: "named" }>): ChildFact => {
  if (message.type === "state") return { type: "child.state", state: message.state };
  if (message.type === "listening") {
    const { name, host, port, taken } = message;
    return { type: "child.listening", name, address: { host, port, taken } };
  }
  const { type: _, ...report } = message;
  return { type: "child.reported", report };
};

const isAlive = ({ pid, exitCode, signalCode }: ChildProcess): boolean =>
  pid !== undefined && exitCode === null && signalCode === null;

const killGroup = (child: ChildProcess): void => {
  if (isAlive(child)) signalGroup(child.pid!, "SIGKILL");
};
