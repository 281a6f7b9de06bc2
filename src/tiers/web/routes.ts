/** What the page's server answers about the fleet: the stream of all rows, and one instance in full. */
import type { FastifyInstance } from "fastify";
import { EventStream } from "../../http/event-stream.ts";
import type { Row } from "../../instances/row.ts";
import type { FleetFeed } from "./fleet-feed.ts";
import { wireInstance } from "./wire-row.ts";

export interface FleetRoutes {
  readonly feed: FleetFeed;
  /** by `service:instance` */
  row(name: string): Row | undefined;
  /** whether the instance is ready, and if not, why, in one sentence */
  explain(row: Row): string;
  /** ends the streams */
  readonly signal: AbortSignal;
}

interface Named {
  readonly Params: { readonly service: string; readonly instance: string };
}

/** Adds the routes that read the fleet. Nothing is asked of an address that an entry of the registry names. */
export const addFleetRoutes = (app: FastifyInstance, { feed, row, explain, signal }: FleetRoutes): void => {
  app.get<Named>("/api/instances/:service/:instance", ({ params: { service, instance } }, reply) => {
    const found = row(`${service}:${instance}`);
    return found === undefined
      ? reply.code(404).send({ error: "no instance of that name is known" })
      : wireInstance(found, explain(found));
  });
  app.get<{ Querystring: { after?: unknown } }>("/api/fleet/events", ({ headers, query }, reply) => {
    const stream = new EventStream(reply, { signal, onClose: () => reader.end(), onDrain: () => reader.resume() });
    const after = headers["last-event-id"] ?? query.after;
    const reader = feed.subscribe(stream, typeof after === "string" ? after : undefined);
  });
};
