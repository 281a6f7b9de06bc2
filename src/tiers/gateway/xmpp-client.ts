/** What is used of `@xmpp/client`, which has no types; loaded where XMPP is configured. */
import { messageOf, StargazerError } from "../../errors.ts";

export interface Stanza {
  readonly attrs: Readonly<Record<string, string | undefined>>;
  is(name: string, namespace?: string): boolean;
  getChild(name: string, namespace?: string): Stanza | undefined;
  getChildText(name: string): string | null;
}

interface Emitter {
  on(event: string, listener: (value: never) => void): unknown;
  removeListener(event: string, listener: (value: never) => void): unknown;
}

/** The session of XEP-0198. */
export interface Session extends Emitter {
  readonly enabled: boolean;
  /** messages, presences and queries that were received */
  readonly inbound: number;
  requestAckDebounce: number;
}

export interface Client extends Emitter {
  readonly status: string;
  readonly streamManagement: Session;
  readonly options: { readonly service: string };
  connect(service: string): Promise<unknown>;
  open(stream: { readonly domain: string }): Promise<unknown>;
  stop(): Promise<unknown>;
  /** ends the connection; the client makes another one */
  disconnect(): Promise<unknown>;
  send(stanza: Stanza): Promise<void>;
}

export interface Library {
  client(options: object): Client;
  xml(name: string, attrs: object, ...children: unknown[]): Stanza;
}

/** Rejects with `SG_ERR_CONFIG_INVALID` where it is not installed. */
export const loadLibrary = async (): Promise<Library> => {
  const name = "@xmpp/client";
  try {
    return (await import(name)) as Library;
  } catch (cause) {
    const message = `XMPP_JID is set, and ${name} cannot be loaded: ${messageOf(cause)}. Install it: npm install ${name}`;
    throw new StargazerError("SG_ERR_CONFIG_INVALID", message, { cause });
  }
};
