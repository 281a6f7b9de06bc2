/** The addresses of the gateways that take work, from the registry: a page chats through one of them. */
import { takesWork } from "../../../machines/index.ts";
import { isRecord } from "../../record.ts";
import type { RegistryEntry, RegistryEvent } from "../../registry/registry.ts";
import type { WireGateway } from "./wire.ts";

const maxPlatforms = 16;

/** The names in the metadata of an entry, which may have any value. */
const platformsIn = (value: unknown): string[] =>
  Array.isArray(value)
    ? value.slice(0, maxPlatforms).filter((name): name is string => typeof name === "string" && /^[\w.-]{1,64}$/.test(name))
    : [];

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

  /** The platforms of all gateways, those of most gateways first; at most 16. */
  get platforms(): readonly string[] {
    const counts = new Map<string, number>();
    for (const { metadata } of this.#entries.values())
      for (const platform of new Set(platformsIn(metadata.platforms))) counts.set(platform, (counts.get(platform) ?? 0) + 1);
    return [...counts]
      .sort(([, a], [, b]) => b - a)
      .slice(0, maxPlatforms)
      .map(([platform]) => platform);
  }

  /** The same without the names. */
  get addresses(): readonly unknown[] {
    return this.list.map(({ host, port }) => ({ host, port }));
  }
}
