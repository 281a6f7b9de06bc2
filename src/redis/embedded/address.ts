/** Where an embedded server is reached: a unix socket in a private folder, and a port where one is asked for. */
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf, StargazerError } from "../../errors.ts";
import { privateFolder } from "../../private-folder.ts";
import type { Credentials } from "../url.ts";
import { maxSocketPathBytes, portUrl, socketUrl } from "../url.ts";

export interface Address {
  /** mode 0700; only this user can open the socket in it */
  readonly folder: string;
  readonly socketPath: string;
  /** on 127.0.0.1, beside the socket */
  readonly port?: number;
}

/** The server's URL for one of its users: by its port where it has one, else by its socket. */
export const urlOf = ({ port, socketPath }: Address, credentials: Credentials): string =>
  port === undefined ? socketUrl(socketPath, credentials) : portUrl(port, credentials);

export const socketIn = (folder: string): string => join(folder, "redis.sock");

/**
 * A new private folder in which a socket can be opened: in the folder for temporary files, or in /tmp where that one's path is too
 * long. Rejects with `SG_ERR_CONFIG_INVALID` and what to set.
 */
export const makeFolder = async (): Promise<string> => {
  const draft = join(tmpdir(), folderPrefix);
  const tooLong = bytesOfSocketBehind(draft) > maxSocketPathBytes;
  try {
    return await mkdtemp(tooLong ? join("/tmp", folderPrefix) : draft);
  } catch (cause) {
    throw tooLong ? unfit(draft, cause) : unusable(cause);
  }
};

/** Makes the folder again where it was removed. Throws `SG_ERR_CONFIG_INVALID` where another user has taken its place. */
export const keepFolder = (folder: string): void => {
  try {
    privateFolder(folder);
  } catch (cause) {
    throw unusable(cause);
  }
};

const folderPrefix = "stargazer-redis-";

/** `mkdtemp` appends six letters. */
const bytesOfSocketBehind = (draft: string): number => Buffer.byteLength(socketIn(`${draft}XXXXXX`));

const unusable = (cause: unknown): StargazerError =>
  new StargazerError(
    "SG_ERR_CONFIG_INVALID",
    `There can be no temporary folder for the embedded Redis: ${messageOf(cause)}. Set TMPDIR, or REDIS_URL to a Redis that runs.`,
    { cause },
  );

const unfit = (draft: string, cause: unknown): StargazerError =>
  new StargazerError(
    "SG_ERR_CONFIG_INVALID",
    `The embedded Redis cannot open a socket in ${tmpdir()}: its path would have ${bytesOfSocketBehind(draft)} bytes, and the system allows ${maxSocketPathBytes}; /tmp cannot be used either: ${messageOf(cause)}. Set TMPDIR to a folder with a shorter path, or REDIS_URL to a Redis that runs.`,
    { cause },
  );
