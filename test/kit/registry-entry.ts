/** An entry of the registry as a service writes it, for tests that change a part of it. */
import type { RegistryEntry } from "../../src/registry/entry.ts";

export const registryEntry: RegistryEntry = {
  incarnation: 42,
  boot: "00ff",
  service: "svc",
  instance: "one",
  status: "running",
  startedAt: 1,
  since: 2,
  host: "here",
  pid: 3,
  version: "1.0.0",
  health: { host: "127.0.0.1", port: 9090 },
  metadata: {},
};
