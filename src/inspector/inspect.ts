/** Makes one service inspectable. Loaded only where that was asked for. */
import { messageOf } from "../errors.ts";
import type { StargazerService } from "../service/service.ts";
import type { InspectChoice } from "./choice.ts";
import { Recorder } from "./recorder.ts";
import { InspectorServer } from "./server.ts";
import { openStately } from "./stately.ts";

export interface Inspection {
  /** The link to open; undefined where there is none, or where the inspector could not begin. Never rejects. */
  readonly url: Promise<string | undefined>;
  /** Resolves when nothing of the inspector is left. Never rejects; legal at any time, any number of times. */
  close(): Promise<void>;
}

interface Opened {
  readonly url: string | undefined;
  close(): Promise<void>;
}

export interface InspectOptions {
  /** told the link, and, once, why there is no inspector any more */
  readonly say: (line: string) => void;
}

const openPage = (service: StargazerService, port: number): Promise<Opened> =>
  InspectorServer.open({ service, recorder: new Recorder(service), port });

/**
 * Watches `service` from now on, also while the inspector is still opening. Ends by itself when the service has stopped. An inspector
 * that breaks is told to `say` once and let go: the service does not notice, and the process is not kept alive.
 */
export const inspect = (service: StargazerService, choice: InspectChoice, { say }: InspectOptions): Inspection => {
  const opening =
    choice.kind === "page"
      ? openPage(service, choice.port)
      : openStately(service, {
          url: choice.kind === "receiver" ? choice.url : undefined,
          onBroken: (why) => say(`inspector let go: ${why}`),
        });
  const opened = opening.then(
    (inspector) => {
      if (inspector.url !== undefined) say(`inspector at ${inspector.url}`);
      return inspector;
    },
    (error: unknown) => void say(`no inspector: ${messageOf(error)}`),
  );
  return {
    url: opened.then((inspector) => inspector?.url),
    close: async () => (await opened)?.close(),
  };
};
