/** Preloaded: `node --import ./instrumentation.js service.js`. Stargazer has its spans flushed after the last service has stopped. */
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

// OTEL_EXPORTER_OTLP_ENDPOINT and OTEL_SERVICE_NAME are read by the SDK itself
new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())] }).register();
