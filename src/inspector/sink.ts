/** Where messages of Stately's protocol go. */
export interface StatelySink {
  /** the page that shows them; undefined where the sink has none */
  readonly url: string | undefined;
  /** Sends a message, or drops it. `isMachine`: it introduces a machine, which a receiver that joins later needs too. */
  send(text: string, isMachine: boolean): void;
  /** Resolves when what was sent is written or given up. Never rejects; legal any number of times. */
  close(): Promise<void>;
}
