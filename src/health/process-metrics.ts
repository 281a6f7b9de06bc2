/** The process and its event loop, for `/metrics`. Names without `sg_` are those of prom-client, which dashboards know. */
import type { Load } from "./load-meter.ts";
import type { Metric } from "./metrics.ts";
import { counter, gauge } from "./metrics.ts";
import { isRuntimeName } from "./runtime-meter.ts";

/** Whether a metric of that name is the health server's: those of the service's life all begin with `sg_`. */
export const isReservedName = (name: string): boolean =>
  name.startsWith("sg_") ||
  isRuntimeName(name) ||
  processMetrics({ eventLoopDelay: 0, eventLoopUtilized: 0 }, 0).some((metric) => metric.name === name);

const [major = "", minor = "", patch = ""] = process.versions.node.split(".");

export const processMetrics = (load: Load, blockedMs: number): Metric[] => {
  const cpu = process.cpuUsage();
  const memory = process.memoryUsage();
  return [
    gauge("sg_event_loop_delay_seconds", "Mean delay of the event loop in the latest second.", load.eventLoopDelay / 1000),
    gauge("sg_event_loop_utilization_ratio", "Share of the latest second that the event loop was busy.", load.eventLoopUtilized),
    counter("sg_event_loop_blocked_seconds_total", "Time in which the event loop was blocked for long.", blockedMs / 1000),
    gauge("sg_uptime_seconds", "Time since the process started.", process.uptime()),
    gauge("process_start_time_seconds", "When the process started, since the epoch.", performance.timeOrigin / 1000),
    {
      name: "nodejs_version_info",
      type: "gauge",
      help: "The version of Node.",
      samples: [{ labels: { version: process.version, major, minor, patch }, value: 1 }],
    },
    gauge("nodejs_heap_size_used_bytes", "Heap in use.", memory.heapUsed),
    gauge("nodejs_heap_size_total_bytes", "Heap size.", memory.heapTotal),
    gauge("nodejs_external_memory_bytes", "Memory outside of the heap.", memory.external),
    gauge("process_resident_memory_bytes", "Resident memory.", memory.rss),
    counter("process_cpu_user_seconds_total", "User processor time.", cpu.user / 1e6),
    counter("process_cpu_system_seconds_total", "System processor time.", cpu.system / 1e6),
    counter("process_cpu_seconds_total", "User and system processor time.", (cpu.user + cpu.system) / 1e6),
  ];
};
