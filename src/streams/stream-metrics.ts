/** The names and meanings of the metrics of streams: the same in the tier that reads a stream and in the web tier, which reads none. */

/** A gauge by `stream` and `group`: its name, and its meaning. */
export type StreamGauge = readonly [name: string, help: string];

/** What Redis has of a stream and one of its consumer groups. */
export const streamGauges = {
  unread: ["sg_stream_unread", "Messages that no reader of the group has taken in."],
  pending: ["sg_stream_pending", "Messages that readers of the group have taken in and not settled."],
  oldest: ["sg_stream_oldest_seconds", "Age of the oldest message that is not settled."],
  length: ["sg_stream_length", "Entries of the stream, settled ones included."],
  waiting: ["sg_stream_waiting", "Messages in a lane that are not settled."],
  idle: ["sg_stream_idle_seconds", "How long the oldest message that nothing works on has waited."],
  capUsed: ["sg_stream_cap_ratio", "The part of the bound that is in use."],
} as const satisfies Record<string, StreamGauge>;

/** The dead letters of all streams of a Redis. */
export const deadLettersGauge: StreamGauge = [
  "sg_dead_letters",
  "Messages that failed too often, or cannot be read, of all streams.",
];
/** The memory of a Redis. */
export const memoryGauge: StreamGauge = ["sg_redis_memory_ratio", "The part of Redis' maxmemory in use; 0 without a bound."];
