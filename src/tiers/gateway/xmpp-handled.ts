/**
 * Which messages are confirmed to the server as handled (XEP-0198): those that were accepted, so that it gives the others of a gateway that died
 * to the next one that connects. `@xmpp/client` would confirm what was received.
 */
import type { Client, Stanza } from "./xmpp-client.ts";

const namespace = "urn:xmpp:sm:3";

export class Handled {
  readonly #client: Client;
  readonly #confirmation: (handled: number) => Stanza;
  /** the numbers of the messages of this session that are being accepted */
  #open = new Set<number>();

  /** Takes over what `client` confirms. Before it starts. */
  constructor(client: Client, confirmation: (attrs: { xmlns: string; h: string }) => Stanza) {
    this.#client = client;
    this.#confirmation = (handled) => confirmation({ xmlns: namespace, h: String(handled) });
    // a new session counts anew; a resumed one is none
    client.on("online", () => {
      this.#open = new Set();
    });
    const send = client.send.bind(client);
    client.send = (stanza) => send(stanza.is("a", namespace) ? this.#confirmation(this.#count) : stanza);
  }

  /** Counts the message that was just received. What is returned is to be called once it is accepted, or given up. */
  received(): () => void {
    const { streamManagement: session } = this.#client;
    if (!session.enabled) return () => {};
    const [open, own] = [this.#open, session.inbound];
    open.add(own);
    return () => {
      open.delete(own);
      if (open === this.#open && session.enabled) void this.#client.send(this.#confirmation(this.#count)).catch(() => {});
    };
  }

  get #count(): number {
    return Math.min(this.#client.streamManagement.inbound, ...[...this.#open].map((number) => number - 1));
  }
}
