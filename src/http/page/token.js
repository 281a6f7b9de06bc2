// @ts-check
/**
 * The token of the link that the page was opened by. A fragment is sent to no server; it is taken out of the address at once, and kept
 * for this tab and this origin alone, so that a reload has it too. A fragment that begins with `/` is a place on the page.
 */

const key = "stargazer.token";

const take = () => {
  const given = location.hash.slice(1);
  if (given === "" || given.startsWith("/")) return sessionStorage.getItem(key) ?? "";
  sessionStorage.setItem(key, given);
  history.replaceState(null, "", location.pathname + location.search);
  return given;
};

/** Empty where the page was opened without one. */
export const token = take();

/** The headers of each request of the page's. @type {Readonly<Record<string, string>>} */
export const authorization = token === "" ? {} : { authorization: `Bearer ${token}` };

/** The protocols that a WebSocket of the page's offers; the server picks the first. */
export const socketProtocols = token === "" ? ["stargazer"] : ["stargazer", `stargazer.token.${token}`];
