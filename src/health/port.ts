/** Who holds the health port: the main thread or the probe thread. */
import type { Address, ListenOptions } from "./listen.ts";

/** Opens once. */
export interface Port {
  /** Resolves when it listens. Rejects as `listen` does. */
  open(options: ListenOptions): Promise<Address>;
  /** Undefined while it does not listen. */
  readonly address: Address | undefined;
  /** Frees the port; resolves when every connection has ended. Any time, also when it never opened. */
  end(): Promise<void>;
  /** Cuts everything now. Any time, any number of times. */
  destroy(): void;
}
