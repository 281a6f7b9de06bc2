/** The public door of Stargazer. */
// first, so that the modules below are compiled with the cache
import "./with-compile-cache.ts";

export type { StateName } from "../machines/index.ts";
export { stateNames } from "../machines/phases.ts";
export type { ErrorCode } from "./errors.ts";
export { errorCodes, StargazerError } from "./errors.ts";
export type { FlightRecording } from "./flight/index.ts";
export type { Launchable, LaunchMember, LaunchOptions } from "./launch/options.ts";
export { launch } from "./launch.ts";
export type { Logger, LogLevel } from "./logger.ts";
export type { GivenRedisClient, RedisClient } from "./redis/client.ts";
export type { RegistryEntry, RegistryEvent, RegistryOptions } from "./registry/registry.ts";
export { Registry } from "./registry/registry.ts";
export type { ServiceActor } from "./service/actor.ts";
export { blockingConnection } from "./service/blocking-connection.ts";
export type { EffectiveOption } from "./service/options/configuration.ts";
export type { ServiceFact } from "./service/report/facts.ts";
export type { ListenAddress, StatusReport } from "./service/report/status.ts";
export { StargazerService } from "./service/service.ts";
export type { HealthCheck, HealthCheckOptions, HookContext, ServiceOptions, StopReport } from "./service/types.ts";
