// @ts-check
/** Where the chat connects: to a gateway of the fleet's, as far as the page knows it. */
import * as fleet from "./fleet.js";

/** @typedef {{ host: string, port: number }} Address */

/** What the page's server gives a page that has no token. @type {readonly Address[]} */
let published = [];

/** @param {unknown} value */
const isAddress = (value) => {
  const { host, port } = /** @type {{ host?: unknown, port?: unknown }} */ (value ?? {});
  return typeof host === "string" && /^[\w.:-]{1,253}$/.test(host) && Number.isInteger(port) && URL.canParse(`ws://h:${port}`);
};

/** The valid addresses: the metadata of an entry may have any value. @param {unknown} values @returns {Address[]} */
const addressesIn = (values) => (Array.isArray(values) ? values.filter(isAddress) : []);

/** Resolves with whether the chat is public. Where the server does not answer, the last list stays. */
export const loadGateways = async () => {
  try {
    const response = await fetch("/api/gateways", { cache: "no-store" });
    if (!response.ok) return false;
    published = addressesIn(await response.json());
  } catch {
    // the last list stands
  }
  return true;
};

/** @returns {readonly Address[]} */
const known = () => [...addressesIn(fleet.gateways), ...published];

const isEvery = (/** @type {string} */ host) => ["0.0.0.0", "::"].includes(host);
const isLoopback = (/** @type {string} */ host) => /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);

/**
 * One that listens on every address is reached by the name that this page was opened by. Where that is no name of this machine and the
 * gateway listens on loopback, both are behind a reverse proxy, which has the chat at the page's own address.
 *
 * @param {Address} address
 */
const urlOf = ({ host, port }) => {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  if (isLoopback(host) && !isLoopback(location.hostname)) return `${scheme}://${location.host}/webchat`;
  const name = isEvery(host) ? location.hostname : host.includes(":") ? `[${host}]` : host;
  return `${scheme}://${name}:${port}/webchat`;
};

/**
 * The address of a gateway, chosen at random: another one than `last`, where there is one. Undefined while none is known.
 *
 * @param {string} [last]
 */
export const gatewayUrl = (last) => {
  const urls = [...new Set(known().map(urlOf))];
  const others = urls.filter((url) => url !== last);
  const among = others.length > 0 ? others : urls;
  return among[Math.floor(Math.random() * among.length)];
};

/** The instance that listens at the address that `gatewayUrl` gave; empty where that is not known. @param {string} url */
export const gatewayAt = (url) => {
  const found = fleet.gateways.filter((gateway) => isAddress(gateway) && urlOf(/** @type {any} */ (gateway)) === url);
  return found.length === 1 ? (found[0]?.instance ?? "") : "";
};
