/** Lua scripts: the first call sends the text, later calls its hash, and the text again to a server that does not know the hash. */
import { createHash } from "node:crypto";
import type { RedisClient } from "./client.ts";
import type { Argument } from "./commands.ts";
import { withoutCommand } from "./reason.ts";

/** A Lua script and its hash. */
export interface Script {
  readonly lua: string;
  readonly sha: string;
}

/** The script of this text. */
export const script = (lua: string): Script => ({ lua, sha: createHash("sha1").update(lua).digest("hex") });

const known = new WeakMap<RedisClient, Set<string>>();

const shasKnownTo = (client: RedisClient): Set<string> => {
  const shas = known.get(client) ?? new Set();
  known.set(client, shas);
  return shas;
};

export interface ScriptCall {
  readonly keys: readonly string[];
  readonly args: readonly Argument[];
  /** whether strings in the reply are Buffers, as the bytes of an entry need. Default false */
  readonly asBuffers?: boolean;
  /** once it has aborted, nothing more is sent */
  readonly signal?: AbortSignal;
}

const evaluate = (
  client: RedisClient,
  how: "eval" | "evalsha",
  what: string,
  { keys, args, asBuffers = false }: ScriptCall,
): Promise<unknown> =>
  asBuffers ? client.callBuffer(how, what, keys.length, ...keys, ...args) : client[how](what, keys.length, ...keys, ...args);

/** Runs a script on any client, without defining a command on it. Rejects with the error of Redis, without the text of the script. */
export const runScript = async (client: RedisClient, { lua, sha }: Script, call: ScriptCall): Promise<unknown> => {
  const { signal } = call;
  signal?.throwIfAborted();
  const shas = shasKnownTo(client);
  if (shas.has(sha)) {
    try {
      return await evaluate(client, "evalsha", sha, call);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw withoutCommand(error);
      signal?.throwIfAborted();
    }
  }
  const reply = await evaluate(client, "eval", lua, call).catch((error: unknown) => {
    throw withoutCommand(error);
  });
  shas.add(sha);
  return reply;
};
