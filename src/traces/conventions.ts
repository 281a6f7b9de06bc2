/** The names of spans, attributes and events: OpenTelemetry's semantic conventions where they have a name, else under `stargazer.`. */

/** The name of the tracer; its version is that of the package. */
export const tracerName = "stargazer";

/** Names of attributes. */
export const attributes = {
  service: "stargazer.service",
  instance: "stargazer.instance",
  /** `starting`, `stopping.draining`, `starting.model` */
  phase: "stargazer.phase",
  /** of a phase: `done`, `failed`, `timeout`, `aborted`, `skipped`; of a life: `completed`, `shutdown`, `failed` */
  outcome: "stargazer.outcome",
  /** why the service stops */
  reason: "stargazer.stop.reason",
  /** 1 for the first delivery of a message */
  attempt: "stargazer.message.attempt",
  errorType: "error.type",
  exceptionType: "exception.type",
  exceptionMessage: "exception.message",
  system: "messaging.system",
  operationName: "messaging.operation.name",
  operationType: "messaging.operation.type",
  destination: "messaging.destination.name",
  messageId: "messaging.message.id",
  group: "messaging.consumer.group.name",
} as const;

/** The event of a span that has failed. */
export const exceptionEvent = "exception";

/** Values of `messaging.system`, and of the name and the type of an operation. */
export const messaging = {
  system: "redis",
  operations: {
    send: { name: "send", type: "send" },
    process: { name: "process", type: "process" },
    deliver: { name: "deliver", type: "process" },
  },
} as const;
export type Operation = keyof typeof messaging.operations;

/** The names of spans: few, so that they can be grouped. */
export const spanNames = {
  boot: (service: string) => `boot ${service}`,
  stop: (service: string) => `stop ${service}`,
  message: (operation: Operation, destination: string) => `${messaging.operations[operation].name} ${destination}`,
};
