// @ts-check
/**
 * The one rule for which requests a server answers. A page of another site can make a browser send requests to this machine, and DNS
 * may point any name here; such a page must neither read an answer nor have a command executed. Plain JavaScript, because the probe
 * thread runs this file as it is.
 */
const { isIP } = require("node:net");
const { hostname } = require("node:os");

/** @import { IncomingHttpHeaders, IncomingMessage } from "node:http" */

/**
 * @typedef {object} Served
 * @property {string} host where the server listens
 * @property {readonly string[]} allowedHosts names under which it answers beside IP addresses, `localhost` and its own names; one
 *   that begins with a dot allows every name that ends in it
 */

/**
 * @typedef {object} Asked
 * @property {string | undefined} [method]
 * @property {string | undefined} [url] the request's target
 * @property {IncomingHttpHeaders} headers
 */

/**
 * @typedef {object} Refusal
 * @property {421 | 403 | 401} status
 * @property {string} error
 */

/** The name in `name:port`, as a Host header has it, in lower case; undefined where it is none. @param {string} [authority] */
const nameOfAuthority = (authority = "") => /^(\[[\da-f:.]+\]|[\w.-]+?)\.?(?::\d*)?$/i.exec(authority)?.[1]?.toLowerCase();

/** @param {string} name */
const isAddress = (name) => isIP(name.replace(/^\[(.*)\]$/, "$1")) !== 0;

/**
 * Whether the server answers under that name. No name of an attacker's is an IP address, `localhost` or a name of this machine, and
 * a browser sends the name that its page was loaded by.
 *
 * @param {string} name
 * @param {Served} served
 */
const isServed = (name, { host, allowedHosts }) =>
  isAddress(name) ||
  [host, "localhost", hostname(), ...allowedHosts].some((known) => {
    const allowed = known.toLowerCase();
    return name === allowed || (allowed.startsWith(".") && name.endsWith(allowed));
  });

/** The two parts of a request's target: a path, and the authority where a client sends one. @param {string} [target] */
const partsOf = (target = "") => {
  const [, authority, rest = target] = /^https?:\/\/([^/?#]*)(.*)$/i.exec(target) ?? [];
  const path = rest.split(/[?#]/, 1)[0];
  return { authority, path: authority === undefined || path ? (path ?? "") : "/" };
};

/** A link that is followed in the same tab: the page of another site does not read the answer. @param {Asked} asked */
const isNavigation = ({ method, headers }) =>
  method === "GET" && headers["sec-fetch-mode"] === "navigate" && headers["sec-fetch-dest"] === "document";

/**
 * Why a request is refused, or undefined. A request without a Host header comes from no browser, so it is answered.
 *
 * @param {Asked} asked
 * @param {Served} served
 * @param {(origin: string) => boolean} [isAllowedOrigin] whether pages of that origin may send requests although they are of another site
 * @returns {Refusal | undefined}
 */
const refusalOf = (asked, served, isAllowedOrigin = () => false) => {
  const { host, origin } = asked.headers;
  const stranger = [host, partsOf(asked.url).authority].find((authority) => {
    if (authority === undefined) return false;
    const name = nameOfAuthority(authority);
    return name === undefined || !isServed(name, served);
  });
  if (stranger !== undefined) {
    const name = JSON.stringify(nameOfAuthority(stranger) ?? stranger.slice(0, 80));
    return {
      status: 421,
      error: `this server does not answer under the name ${name}: SG_ALLOWED_HOSTS lists the names that it may`,
    };
  }
  if (asked.headers["sec-fetch-site"] !== "cross-site" || isNavigation(asked)) return undefined;
  if (origin !== undefined && isAllowedOrigin(origin)) return undefined;
  return { status: 403, error: "a page of another site may not send requests to this server" };
};

/**
 * @param {Pick<IncomingMessage, "method" | "url" | "rawHeaders">} one
 * @param {Pick<IncomingMessage, "method" | "url" | "rawHeaders">} other
 */
const isSame = (one, other) =>
  one.method === other.method &&
  one.url === other.url &&
  one.rawHeaders.length === other.rawHeaders.length &&
  one.rawHeaders.every((text, index) => text === other.rawHeaders[index]);

/**
 * The rule for the requests of one server. A prober sends the same request again and again, so one that is as the latest that was
 * answered is not judged a second time, and its headers are not parsed: a tenth of what an answer costs.
 *
 * @param {Served} served
 * @returns {(request: IncomingMessage) => Refusal | undefined}
 */
const ruleOf = (served) => {
  /** @type {Pick<IncomingMessage, "method" | "url" | "rawHeaders">} */
  let latest = { rawHeaders: [] };
  return (request) => {
    if (isSame(request, latest)) return undefined;
    const refusal = refusalOf(request, served);
    const { method, url, rawHeaders } = request;
    if (refusal === undefined) latest = { method, url, rawHeaders };
    return refusal;
  };
};

module.exports = { nameOfAuthority, partsOf, refusalOf, ruleOf };
