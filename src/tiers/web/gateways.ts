/** The addresses of the gateways that take work, from the registry: a page chats through one of them. */
import { takesWork } from "../../../machines/index.ts";
import { isRecord } from "../../record.ts";
import type { RegistryEntry, RegistryEvent } from "../../registry/registry.ts";
import type { WireGateway } from "./wire.ts";

export class Gateways {
  readonly #entries = new Map<string, RegistryEntry>();

  /** Takes an event; returns whether the list may have changed. */
  take({ type, entry }: Extract<RegistryEvent, { entry: RegistryEntry }>): boolean {
    if (entry.service !== "gateway") return false;
    if (type === "deregistered" || type === "expired") this.#entries.delete(entry.instance);
    else this.#entries.set(entry.instance, entry);
    return true;
  }

  get list(): readonly WireGateway[] {
    const working = [...this.#entries.values()].filter(({ status }) => takesWork(status));
    return working.flatMap(({ instance, metadata: { http } }) =>
      isRecord(http) ? { instance, host: http.host, port: http.port } : [],
    );
  }

  /** The same without the names. */
  get addresses(): readonly unknown[] {
    return this.list.map(({ host, port }) => ({ host, port }));
  }
}
