/** Which names stand for this machine. */

/** `localhost`, 127.0.0.0/8, ::1, in or without brackets. */
export const isLoopback = (host: string): boolean => /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);

/** Whether pages of that origin may connect: those of this machine, and those that are named. */
export const isAllowedOrigin = (origin: string, allowed: readonly string[]): boolean =>
  allowed.includes(origin) || (URL.canParse(origin) && isLoopback(new URL(origin).hostname));
