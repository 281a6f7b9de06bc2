/** Who may look, and who may command: a page elsewhere must do neither, though it can make a browser send requests here. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { isLoopback, nameOfAuthority } from "../loopback.ts";

interface Asked {
  readonly host?: string | undefined;
  readonly origin?: string | undefined;
  readonly token?: string | undefined;
}

/** One a start. It is in the fragment of the printed link, which browsers send to nobody. */
export const createToken = (): string => randomBytes(16).toString("base64url");

/** Why a request is not answered at all: another name may have been pointed at this machine. */
export const lookRefusal = ({ host, origin }: Asked): string | undefined => {
  if (!isLoopback(nameOfAuthority(host))) return "this server answers to its loopback name only";
  if (origin !== undefined && origin !== `http://${host}`) return "a page from elsewhere may not ask this server";
  return undefined;
};

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/** Whether it is the token, in a time that does not tell how much of it was right. */
export const isToken = (token: string, { token: given = "" }: Asked): boolean => timingSafeEqual(digest(given), digest(token));
