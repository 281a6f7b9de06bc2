/**
 * The API of OpenTelemetry as the process has it already: its global, with what an SDK has registered there. Nothing is imported, so a
 * second copy of the API cannot appear. The shapes are those of every 1.x.
 */
import { openTelemetry, openTelemetryLogs } from "../instrumented.ts";
import { version } from "../version.ts";
import { tracerName } from "./conventions.ts";

/** The identity of a span, which is all that crosses a process. */
export interface SpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
  readonly isRemote?: boolean;
}

export type Attributes = Readonly<Record<string, string | number>>;

export interface Span {
  spanContext(): SpanContext;
  setAttributes(attributes: Attributes): unknown;
  setStatus(status: { readonly code: number; readonly message?: string }): unknown;
  addEvent(name: string, attributes: Attributes, time?: number): unknown;
  /** `time`: ms since the epoch */
  end(time?: number): void;
}

/** What is active: immutable, and carried by asynchronous calls. */
export interface Context {
  getValue(key: symbol): unknown;
  setValue(key: symbol, value: unknown): Context;
  deleteValue(key: symbol): Context;
}

export interface SpanOptions {
  readonly kind?: number;
  readonly attributes?: Attributes;
  readonly links?: readonly { readonly context: SpanContext }[];
  /** ms since the epoch; default now */
  readonly startTime?: number;
}

/** What has the spans, metrics or logs that are not exported yet. */
interface Provider {
  forceFlush?(): Promise<void>;
}

interface TracerProvider extends Provider {
  getTracer(
    name: string,
    version: string,
  ): {
    startSpan(name: string, options: SpanOptions, context: Context): Span;
  };
  /** the SDK's own behind the one of the API */
  getDelegate?(): Provider;
}

interface Api {
  readonly trace?: TracerProvider;
  readonly metrics?: Provider;
  readonly context?: {
    active(): Context;
    with<T>(context: Context, call: () => T): T;
  };
}

interface Globals {
  readonly [openTelemetry]?: Api;
  readonly [openTelemetryLogs]?: (version: number) => Provider;
}

const globals = globalThis as Globals;
const registered = (): Api => globals[openTelemetry] ?? {};
/** the version of the API of logs whose shape is known here */
const logsVersion = 1;

/** Values of the API's enumerations. */
export const kinds = { internal: 0, producer: 3, consumer: 4 } as const;
export const failedStatus = 2;

/** The API keeps the active span under this key. */
const spanKey = Symbol.for("OpenTelemetry Context Key SPAN");

/** A context where the SDK has registered no manager of contexts: nothing is active, and parents are given by hand. */
const contextOf = (values: ReadonlyMap<symbol, unknown>): Context => ({
  getValue: (key) => values.get(key),
  setValue: (key, value) => contextOf(new Map([...values, [key, value]])),
  deleteValue: (key) => contextOf(new Map([...values].filter(([own]) => own !== key))),
});

const activeContext = (): Context => registered().context?.active() ?? contextOf(new Map());

/** The span around the code that calls, of this library or not. */
export const activeSpan = (): Span | undefined => activeContext().getValue(spanKey) as Span | undefined;

/** A span of another process, as a parent: all that is known is its identity. */
export const remoteSpan = (context: SpanContext): Pick<Span, "spanContext"> => ({ spanContext: () => context });

/** Starts a span below `parent`; without one it begins a trace. Undefined where no SDK has registered a provider. */
export const startSpan = (name: string, options: SpanOptions, parent?: Pick<Span, "spanContext">): Span | undefined => {
  const context = activeContext();
  const placed = parent === undefined ? context.deleteValue(spanKey) : context.setValue(spanKey, parent);
  return registered().trace?.getTracer(tracerName, version()).startSpan(name, options, placed);
};

/** Calls `call` with `span` as the active one, through everything asynchronous that it begins. */
export const within = <T>(span: Span, call: () => T): T => {
  const { context } = registered();
  return context === undefined ? call() : context.with(context.active().setValue(spanKey, span), call);
};

/** Has the SDK export its spans, metrics and logs. Resolves also where that fails, or where there is nothing to flush. */
export const flush = async (): Promise<void> => {
  const { trace, metrics } = registered();
  const logs = globals[openTelemetryLogs]?.(logsVersion);
  await Promise.all([trace?.getDelegate?.() ?? trace, metrics, logs].map(flushed));
};

const flushed = async (provider: Provider | undefined): Promise<void> => {
  try {
    await provider?.forceFlush?.();
  } catch {
    // the SDK has reported it
  }
};
