/** The `redis.conf` of an embedded server. Of a password it has the hash: who reads the file cannot sign in with it. */
import { createHash } from "node:crypto";
import type { Credentials } from "../url.ts";
import type { Address } from "./address.ts";
import { quoted } from "./quoted.ts";

/** A user beside the administrator, with the rules of an ACL: `["~sg:*", "+get"]`. */
export interface ServerUser {
  readonly name: string;
  readonly rules: readonly string[];
}

export interface ServerConfig {
  readonly address: Address;
  /** signs in as the server's default user, and may do everything */
  readonly administrator: Credentials;
  /** what it may do begins with nothing */
  readonly user: (ServerUser & Credentials) | undefined;
  /** in Redis' form: `256mb`; writes that need more are refused, nothing is evicted; 0: no bound */
  readonly maxMemory: string;
  /** more lines, which win over those before them */
  readonly lines: readonly string[];
}

const hashOf = ({ password }: Credentials): string => quoted(`#${createHash("sha256").update(password).digest("hex")}`);

export const configText = ({ address, administrator, user, maxMemory, lines }: ServerConfig): string =>
  [
    `port ${address.port ?? 0}`,
    "bind 127.0.0.1",
    `unixsocket ${quoted(address.socketPath)}`,
    "unixsocketperm 700",
    `user default reset on ${hashOf(administrator)} ~* &* +@all`,
    ...(user === undefined ? [] : [`user ${user.name} reset on ${hashOf(user)} ${user.rules.join(" ")}`]),
    `maxmemory ${maxMemory}`,
    "maxmemory-policy noeviction",
    'save ""',
    "appendonly no",
    `dir ${quoted(address.folder)}`,
    "daemonize no",
    "loglevel warning",
    ...lines,
    "",
  ].join("\n");
