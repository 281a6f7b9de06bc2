/** The process and its event loop, for `/metrics`. Names without `sg_` are those of prom-client, which dashboards know. */
import type { Load } from "./load-meter.ts";
import type { Metric } from "./metrics.ts";
import { counter, gauge } from "./metrics.ts";

export const processMetrics = (load: Load, blockedMs: number): Metric[] => {
  const cpu = process.cpuUsage();
  const memory = process.memoryUsage();
  return [
    gauge("sg_event_loop_delay_seconds", "Mean delay of the event loop in the latest second.", load.eventLoopDelay / 1000),
    gauge("sg_event_loop_utilization_ratio", "Share of the latest second that the event loop was busy.", load.eventLoopUtilized),
    counter("sg_event_loop_blocked_seconds_total", "Time in which the event loop was blocked for long.", blockedMs / 1000),
    gauge("sg_uptime_seconds", "Time since the process started.", process.uptime()),
    gauge("nodejs_heap_size_used_bytes", "Heap in use.", memory.heapUsed),
    gauge("nodejs_heap_size_total_bytes", "Heap size.", memory.heapTotal),
    gauge("process_resident_memory_bytes", "Resident memory.", memory.rss),
    counter("process_cpu_seconds_total", "User and system processor time.", (cpu.user + cpu.system) / 1e6),
  ];
};
