/**
 * The spans of a message: it is sent, processed and delivered in one trace, whose identity it carries as W3C's traceparent. A delivery
 * after the first one is a trace of its own, with a link to the span that sent the message.
 */
import type { Span, SpanContext } from "./api.ts";
import { activeSpan, failedStatus, kinds, remoteSpan, startSpan, within } from "./api.ts";
import type { Operation } from "./conventions.ts";
import { attributes, exceptionEvent, messaging, spanNames } from "./conventions.ts";

/** What is done with a message. */
export interface MessageStep {
  readonly operation: Operation;
  /** the key of the stream */
  readonly destination: string;
  readonly messageId: string;
  /** the consumer group */
  readonly group?: string;
  /** 1 for the first delivery */
  readonly attempt?: number;
  /** the one that the message carries: 55 characters of W3C's version 00 */
  readonly traceparent?: string | undefined;
}

const written = ({ traceId, spanId, traceFlags }: SpanContext): string =>
  `00-${traceId}-${spanId}-${(traceFlags & 1).toString(16).padStart(2, "0")}`;

const read = (traceparent: string): SpanContext => {
  const [, traceId = "", spanId = "", flags = ""] = traceparent.split("-");
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
};

const attributesOf = ({ operation, destination, messageId, group, attempt }: MessageStep) => ({
  [attributes.system]: messaging.system,
  [attributes.operationName]: messaging.operations[operation].name,
  [attributes.operationType]: messaging.operations[operation].type,
  [attributes.destination]: destination,
  [attributes.messageId]: messageId,
  ...(group !== undefined && { [attributes.group]: group }),
  ...(attempt !== undefined && { [attributes.attempt]: attempt }),
});

const begin = (step: MessageStep): Span | undefined => {
  const { operation, destination, attempt = 1, traceparent } = step;
  const sent = traceparent === undefined ? undefined : read(traceparent);
  const isAgain = attempt > 1;
  const parent = sent === undefined ? activeSpan() : isAgain ? undefined : remoteSpan(sent);
  const links = sent !== undefined && isAgain ? [{ context: sent }] : [];
  const kind = operation === "send" ? kinds.producer : kinds.consumer;
  return startSpan(spanNames.message(operation, destination), { kind, attributes: attributesOf(step), links }, parent);
};

/**
 * Does a step under a span of its own, which is the active one for `work`. `work` gets the traceparent that what it writes has to carry.
 * Settles as `work` does.
 */
export const traced = async <T>(step: MessageStep, work: (traceparent: string | undefined) => Promise<T>): Promise<T> => {
  const span = begin(step);
  if (span === undefined) return work(step.traceparent);
  try {
    return await within(span, () => work(written(span.spanContext())));
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    span.addEvent(exceptionEvent, { [attributes.exceptionType]: name, [attributes.exceptionMessage]: message });
    span.setAttributes({ [attributes.errorType]: name });
    span.setStatus({ code: failedStatus, message });
    throw error;
  } finally {
    span.end();
  }
};
