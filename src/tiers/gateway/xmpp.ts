/**
 * A platform over XMPP: one account, and each contact is a conversation. Loaded where `XMPP_*` is configured, as is `@xmpp/client`.
 *
 * An answer is delivered at least once, under the same id each time, and counts as delivered once the server has confirmed it (XEP-0198):
 * where the contact's client knows ids, it shows it once. A message with an id is accepted once, however often it is received; one without
 * as often as it is received. Of several gateways the server hands a message to that of the highest priority. It keeps a message until it is
 * accepted: where this gateway dies, the server gives it to the next one that connects once it has given up the session.
 */
import { createHash } from "node:crypto";
import { quietClock } from "../../clock.ts";
import { messageOf, StargazerError } from "../../errors.ts";
import type { WordedLogger } from "../../logger.ts";
import { pause } from "../../pause.ts";
import type { Waiting } from "../../until.ts";
import { until } from "../../until.ts";
import type { Outbound } from "../messages/envelope.ts";
import { maxTextBytes } from "../messages/envelope.ts";
import type { XmppSettings } from "../settings.ts";
import type { PlatformAdapter, PlatformHost } from "./platform.ts";
import type { Client, Library, Stanza } from "./xmpp-client.ts";
import { loadLibrary } from "./xmpp-client.ts";
import { Handled } from "./xmpp-handled.ts";

const namespace = "urn:xmpp:sid:0";
const confirmed = "urn:xmpp:sm:3";
/** ms between two attempts to accept a message, or to deliver an answer */
const retryMs = 1000;
/** messages of one contact that are being accepted; beyond them the contact is asked to wait */
const maxPending = 32;
const defaultLoginMs = 30_000;
const later = "This message could not be taken now. Please send it again later.";

const bare = (jid: string): string => jid.split("/", 1)[0]!;

/**
 * What is the same for a message that is received again: the id that its sender or the server gave it. An id of the stanza alone may be
 * that of another message once the contact has connected again: it counts together with the text and the connection.
 */
const idOf = (stanza: Stanza, text: string): string | undefined => {
  const { from, id } = stanza.attrs;
  const unique = stanza.getChild("stanza-id", namespace)?.attrs.id ?? stanza.getChild("origin-id", namespace)?.attrs.id;
  return unique ?? (id === undefined ? undefined : JSON.stringify([from, id, text]));
};

/** A conversation's messages with ids are each the first of a page of its own: a page accepts a number once. */
const keyOf = (channel: string, id: string): string =>
  createHash("sha256").update(`${channel}\0${id}`).digest("base64url").slice(0, 32);

/** Without the library's `start`, which leaves a rejection unhandled where the server accepts the connection and is silent, then refuses it. */
const connect = async (client: Client, domain: string): Promise<void> => {
  await client.connect(client.options.service);
  await client.open({ domain });
};

export class Xmpp implements PlatformAdapter {
  readonly platform = "xmpp";
  readonly #settings: XmppSettings;
  readonly #loginMs: number;
  readonly #pending = new Map<string, { count: number; work: Promise<void> }>();
  #library: Library | undefined;
  #client: Client | undefined;
  #log: WordedLogger | undefined;
  #handled: Handled | undefined;
  /** whether the server can confirm stanzas */
  #confirms = false;

  /** `loginMs`: a connection that is not ready within so many ms is made anew. Default 30000 */
  constructor(settings: XmppSettings, { loginMs = defaultLoginMs }: { readonly loginMs?: number } = {}) {
    this.#settings = settings;
    this.#loginMs = loginMs;
  }

  /** Connects. A server that is away fails no boot: the client connects again and again, and a line says so once. */
  async open(host: PlatformHost): Promise<void> {
    const { service, jid, password } = this.#settings;
    const [username, domain] = jid.split("@") as [string, string];
    const library = await loadLibrary();
    const client = library.client({ service, domain, username, password });
    this.#library = library;
    this.#client = client;
    this.#log = host.log;
    this.#handled = new Handled(client, (attrs) => library.xml("a", attrs));
    client.streamManagement.requestAckDebounce = 10;
    this.#report(client, host.log);
    host.defer(this.#limitLogin(client));
    const { priority = 1 + Math.floor(127 * Math.random()) } = this.#settings;
    const available = library.xml("presence", {}, library.xml("priority", {}, String(priority)));
    client.on("online", () => void client.send(available).catch(() => {}));
    client.on("nonza", (element: Stanza) => this.#noteFeatures(element));
    client.on("stanza", (stanza: Stanza) => this.#receive(stanza, host));
    host.defer(() => client.stop().catch(() => {}));
    void connect(client, domain).catch(() => {});
  }

  /** Until the signal aborts; then it is unavailable, so that the server keeps messages, or hands them to another gateway. */
  async serve({ signal }: Waiting): Promise<void> {
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    const { xml } = this.#library!;
    await this.#client?.send(xml("presence", { type: "unavailable" })).catch(() => {});
  }

  /** The client waits without an end for a server that accepts a connection and is silent. Returns what ends the limit. */
  #limitLogin(client: Client): () => void {
    let timer: unknown;
    const clear = () => quietClock.clearTimeout(timer);
    const limit = () => {
      clear();
      timer = quietClock.setTimeout(() => void (client.status === "online" || client.disconnect()), this.#loginMs);
    };
    client.on("connecting", limit);
    for (const event of ["online", "disconnect", "offline"]) client.on(event, clear);
    return clear;
  }

  #report(client: Client, log: WordedLogger): void {
    let isTroubled = false;
    client.on("error", (error: Error) => {
      const reason = messageOf(error);
      log[isTroubled ? "debug" : "warn"]({ type: "xmpp.away", reason }, `the XMPP server is not connected: ${reason}`);
      isTroubled = true;
    });
    client.on("online", () => {
      log.info({ type: "xmpp.online" }, "the XMPP server is connected");
      isTroubled = false;
    });
  }

  #receive(stanza: Stanza, host: PlatformHost): void {
    const { from, type = "normal" } = stanza.attrs;
    const text = stanza.is("message") ? stanza.getChildText("body") : null;
    if (from === undefined || text === null || text === "" || !["normal", "chat"].includes(type)) return;
    const channel = bare(from);
    if (channel === this.#settings.jid) return;
    const { count, work } = this.#pending.get(channel) ?? { count: 0, work: Promise.resolve() };
    if (count >= maxPending || Buffer.byteLength(text) > maxTextBytes) return void this.#notify(channel, later);
    const handled = this.#handled!.received();
    const next = work
      .then(() => this.#accept({ channel, text, id: idOf(stanza, text) }, host))
      .then(handled)
      .finally(() => this.#accepted(channel));
    this.#pending.set(channel, { count: count + 1, work: next });
  }

  #accepted(channel: string): void {
    const { count, work } = this.#pending.get(channel)!;
    if (count === 1) this.#pending.delete(channel);
    else this.#pending.set(channel, { count: count - 1, work });
  }

  /** Until Redis has taken it, or the gateway stops; never rejects. Where it is not taken the contact is asked to send it later. */
  async #accept(message: { channel: string; text: string; id: string | undefined }, host: PlatformHost): Promise<void> {
    const { channel, text, id } = message;
    const page = id === undefined ? undefined : keyOf(channel, id);
    const accepted = { channel, author: channel, text, ...(page !== undefined && { id: `xmpp.${page}` }) };
    for (;;) {
      try {
        const { type } = await host.accept(accepted, page === undefined ? {} : { numbered: { page, n: 1 } });
        return type === "busy" ? await this.#notify(channel, later) : undefined;
      } catch (error) {
        const reason = messageOf(error);
        host.log.warn({ type: "xmpp.not-accepted", reason }, `a message is not accepted: ${reason}`);
        if (error instanceof StargazerError || host.signal.aborted) return this.#notify(channel, later);
        await pause(retryMs, { signal: host.signal });
      }
    }
  }

  async #notify(to: string, text: string): Promise<void> {
    await this.#client?.send(this.#stanza(to, undefined, text)).catch(() => {});
  }

  #stanza(to: string, id: string | undefined, text: string): Stanza {
    const { xml } = this.#library!;
    const ids = id === undefined ? [] : [xml("origin-id", { xmlns: namespace, id })];
    return xml("message", { to, type: "chat", ...(id !== undefined && { id }) }, xml("body", {}, text), ...ids);
  }

  /** Resolves once the server has confirmed it, also over a time without a server; rejects with the signal's reason. */
  async deliver({ id, channel, text }: Outbound, { signal }: Waiting): Promise<void> {
    const client = this.#client!;
    for (;;) {
      signal.throwIfAborted();
      if (client.status === "online" && (await this.#sent(client, this.#stanza(channel, id, text), { signal }))) return;
      await pause(retryMs, { signal });
    }
  }

  /** A session is online before its confirmations are enabled. */
  #noteFeatures(element: Stanza): void {
    if (element.is("features")) this.#confirms = element.getChild("sm", confirmed) !== undefined;
    else if (element.is("failed", confirmed) && this.#client?.status === "online") this.#confirms = false;
  }

  /** Resolves with whether the server has it; a server without confirmations has what was written. */
  async #sent(client: Client, stanza: Stanza, { signal }: Waiting): Promise<boolean> {
    const { streamManagement: confirmations } = client;
    if (!confirmations.enabled && this.#confirms) return false;
    if (!confirmations.enabled)
      return client.send(stanza).then(
        () => true,
        () => false,
      );
    let end = (): void => {};
    const confirmed = new Promise<boolean>((resolve) => {
      const ack = (one: Stanza) => one === stanza && resolve(true);
      const fail = (one: Stanza) => one === stanza && resolve(false);
      confirmations.on("ack", ack);
      confirmations.on("fail", fail);
      end = () => {
        confirmations.removeListener("ack", ack);
        confirmations.removeListener("fail", fail);
      };
    });
    try {
      // one that cannot be written stays in the client's queue, which sends it again or fails it
      await client.send(stanza).catch((error) => this.#log?.debug({ type: "xmpp.unsent" }, messageOf(error)));
      return await until(confirmed, { signal, what: "the XMPP server to confirm an answer" });
    } finally {
      end();
    }
  }
}
