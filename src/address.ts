/** Where a server listens, as a text and as a URL. */
import { isIP } from "node:net";

/** Where a server listens, as it or its registry entry has it. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** `127.0.0.1:9090`, `[::1]:9090`. */
export const authority = ({ host, port }: Address): string => `${host.includes(":") ? `[${host}]` : host}:${port}`;

/** Whether a server that listens there listens on all addresses of its machine. */
export const isEveryAddress = (host: string): boolean => host === "0.0.0.0" || host === "::";

const name = /^[a-z\d_](?:[a-z\d_.-]{0,252}[a-z\d_.])?$/i;

/**
 * `http://` and the address, if its host is an IP address or a name and nothing else that a URL reads as a user, a path or another
 * address; undefined if not.
 */
export const httpUrl = (address: Address): string | undefined => {
  const { host, port } = address;
  const url = `http://${authority(address)}`;
  if (!Number.isInteger(port) || port < 1 || port > 65_535 || !URL.canParse(url)) return undefined;
  if (isIP(host) === 6) return url;
  return name.test(host) && new URL(url).hostname === host.toLowerCase() ? url : undefined;
};
