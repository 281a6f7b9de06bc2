/** Has one service inspected. Loaded only where that was asked for. */
import { messageOf } from "../errors.ts";
import { reinsOf } from "../service/reins.ts";
import type { StargazerService } from "../service/service.ts";
import type { InspectChoice } from "./choice.ts";
import { Recorder } from "./recorder.ts";
import { InspectorServer } from "./server.ts";
import { openStately } from "./stately.ts";

export interface Inspection {
  /** The link to open; undefined where the inspector has no page or could not open. Never rejects. */
  readonly url: Promise<string | undefined>;
  /** Resolves when nothing of the inspector is left. Never rejects; legal at any time, any number of times. */
  close(): Promise<void>;
}

interface Opened {
  readonly url: string | undefined;
  close(): Promise<void>;
}

export interface InspectOptions {
  /** Called with a line for the terminal: the link, and at most once why there is no inspector or why it ended. */
  readonly print: (line: string) => void;
  /** Whether the page is where it was for the last process of that service, so that an open page finds the new one. Default false. */
  readonly keepsAddress?: boolean;
}

const openPage = (service: StargazerService, port: number, keepsAddress: boolean): Promise<Opened> =>
  InspectorServer.open({ service, recorder: new Recorder(service), port, keepsAddress });

/**
 * Watches a service from now on, also while the inspector is still opening. Legal in any state; returns at once. The inspection ends by
 * itself when the service has stopped. An inspector that fails ends with a line to `print`; the service runs on. Keeps no process alive.
 */
export const inspect = (
  given: StargazerService,
  choice: InspectChoice,
  { print, keepsAddress = false }: InspectOptions,
): Inspection => {
  const service = reinsOf(given);
  const opening =
    choice.kind === "page"
      ? openPage(service, choice.port, keepsAddress)
      : openStately(service, {
          url: choice.kind === "receiver" ? choice.url : undefined,
          onBroken: (why) => print(`inspector ended: ${why}`),
        });
  const opened = opening.then(
    (inspector) => {
      if (inspector.url !== undefined) print(`inspector at ${inspector.url}`);
      return inspector;
    },
    (error: unknown) => void print(`no inspector: ${messageOf(error)}`),
  );
  return {
    url: opened.then((inspector) => inspector?.url),
    close: async () => (await opened)?.close(),
  };
};
