/** Which names stand for this machine. */

/** `localhost`, 127.0.0.0/8, ::1, in or without brackets. */
export const isLoopback = (host: string | undefined): boolean =>
  host !== undefined && /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);

/** The name in `name:port`, as a Host header has it. */
export const nameOfAuthority = (authority: string | undefined): string | undefined =>
  authority === undefined || !URL.canParse(`http://${authority}`) ? undefined : new URL(`http://${authority}`).hostname;

/** Whether pages of that origin may connect: those of this machine, and those that are named. */
export const isAllowedOrigin = (origin: string, allowed: readonly string[]): boolean =>
  allowed.includes(origin) || (URL.canParse(origin) && isLoopback(new URL(origin).hostname));
