/** The span of what is done with a message, where the process has OpenTelemetry; elsewhere the work is called, and nothing is loaded. */
import { hasOpenTelemetry } from "../../instrumented.ts";
import type { MessageStep } from "../../traces/messages.ts";

/** Does the work; it gets the traceparent that what it writes has to carry: that of its own span, else the one of the message. */
export const traced = async <T>(step: MessageStep, work: (traceparent: string | undefined) => Promise<T>): Promise<T> => {
  if (!hasOpenTelemetry()) return work(step.traceparent);
  const traces = await import("../../traces/index.ts").catch(() => undefined);
  return traces === undefined ? work(step.traceparent) : traces.traced(step, work);
};

/** The field of an envelope. */
export const carrying = (traceparent: string | undefined): { readonly traceparent?: string } =>
  traceparent === undefined ? {} : { traceparent };
