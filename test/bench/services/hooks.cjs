"use strict";
// What the user of every contestant writes: the same for all.
const { env } = process;

exports.cfg = {
  port: Number(env.PORT),
  appPort: Number(env.APP_PORT),
  redisUrl: env.REDIS_URL,
  key: env.REGISTRY_KEY,
  ttl: 30,
  heartbeatMs: 10_000,
  instanceId: env.INSTANCE_ID,
  value: JSON.stringify({ service: env.SVC_NAME, instance: env.INSTANCE_ID, pid: process.pid, status: "starting" }),
};
exports.mark = (name) => globalThis.__bench?.mark(name);
exports.onStart = async () => {};
exports.onStop = async () => {};
exports.run = (signal) => new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
exports.work = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
