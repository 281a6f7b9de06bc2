/** An OpenTelemetry SDK in this process, whose spans stay in memory. Register it before what is traced begins. */
import { context, propagation, trace } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-node";
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { openTelemetry } from "../../src/instrumented.ts";

export interface Spans {
  /** all that have ended, in the order of their ends */
  all(): readonly ReadableSpan[];
  named(name: string): readonly ReadableSpan[];
  /** the only one of that name */
  one(name: string): ReadableSpan;
  /** how often the provider was asked to flush */
  readonly flushes: () => number;
  unregister(): Promise<void>;
}

export const registerSdk = (): Spans => {
  const exporter = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  let flushes = 0;
  const forceFlush = provider.forceFlush.bind(provider);
  provider.forceFlush = () => {
    flushes += 1;
    return forceFlush();
  };
  provider.register();
  const all = () => exporter.getFinishedSpans();
  const named = (name: string) => all().filter((span) => span.name === name);
  return {
    all,
    named,
    one: (name) => {
      const found = named(name);
      if (found.length !== 1) throw new Error(`${found.length} spans '${name}' of ${all().map((span) => span.name)}`);
      return found[0]!;
    },
    flushes: () => flushes,
    unregister: async () => {
      await provider.shutdown();
      trace.disable();
      context.disable();
      propagation.disable();
      delete (globalThis as Record<symbol, unknown>)[openTelemetry];
    },
  };
};

/** The id of the span around it. */
export const parentOf = (span: ReadableSpan): string | undefined => span.parentSpanContext?.spanId;
export const idOf = (span: ReadableSpan): string => span.spanContext().spanId;
export const traceOf = (span: ReadableSpan): string => span.spanContext().traceId;
/** The ids of the spans that it is linked to. */
export const linksOf = ({ links }: ReadableSpan): string[] => links.map(({ context: own }) => own.spanId);
