/** Where an embedded server is reached: a unix socket in a private folder, a password, and a port where one is asked for. */
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf, StargazerError } from "../../errors.ts";
import { maxSocketPathBytes, socketUrl } from "../url.ts";

export interface Address {
  /** mode 0700; only this user can open the socket in it */
  readonly folder: string;
  readonly socketPath: string;
  readonly password: string;
  /** on 127.0.0.1, beside the socket */
  readonly port?: number;
}

/** The server's URL: by its port where it has one, else by its socket. */
export const urlOf = ({ password, port, socketPath }: Address): string =>
  port === undefined ? socketUrl({ path: socketPath, password }) : `redis://:${encodeURIComponent(password)}@127.0.0.1:${port}`;

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
