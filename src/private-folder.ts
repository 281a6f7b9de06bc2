/** A folder for this user alone below one that every user may write to, such as the folder for temporary files. */
import { chmodSync, lstatSync, mkdirSync } from "node:fs";

/** The user's number; undefined where the system has none. */
export const ownUid = (): number | undefined => process.getuid?.();

/** Whether the user owns what has this `uid`. */
export const isOwn = ({ uid }: { readonly uid: number }): boolean => ownUid() === undefined || uid === ownUid();

/**
 * Makes `path` with mode 0700 where it is missing, and returns it. Throws where it is a symbolic link, no folder, or another user's:
 * what is written there could be read, moved or replaced.
 */
export const privateFolder = (path: string): string => {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const found = lstatSync(path);
  if (!found.isDirectory()) throw new Error(`${path} is a symbolic link or no folder`);
  if (!isOwn(found)) throw new Error(`${path} belongs to another user`);
  if ((found.mode & 0o077) !== 0) chmodSync(path, 0o700);
  return path;
};
