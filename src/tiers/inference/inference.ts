/** Inference: stateless workers that answer messages. Any number of them share one consumer group. */
import { tierMetrics } from "../../health/metrics.ts";
import type { RedisClient } from "../../redis/client.ts";
import { StargazerService } from "../../service/service.ts";
import type { HookContext, ServiceOptions } from "../../service/types.ts";
import type { Work } from "../../streams/attempt.ts";
import type { ConsumerOptions } from "../../streams/consumer.ts";
import { LaneConsumer } from "../../streams/consumer.ts";
import { deadLetterRetention } from "../../streams/dead-letters.ts";
import type { Watched } from "../../streams/stream-state.ts";
import { keepTrimmed } from "../../streams/trim.ts";
import { defaultBacklog } from "../messages/accept.ts";
import { noticeWrites } from "../messages/answer.ts";
import type { Inbound } from "../messages/envelope.ts";
import { parseInbound } from "../messages/envelope.ts";
import { messageKeys, workersGroup } from "../messages/keys.ts";
import { carrying, traced } from "../messages/traced.ts";
import { memoryTokens } from "../settings.ts";
import { StreamWatch } from "../stream-watch.ts";
import { answerTo } from "./answering.ts";
import type { Responder } from "./responder.ts";
import { chooseResponder } from "./responders.ts";

/** The options of a service, the responder, and how the stream is consumed. */
export interface InferenceOptions extends Partial<ServiceOptions> {
  /** Default: the model of `OPENAI_BASE_URL`, else the offline responder. */
  readonly responder?: Responder;
  /** Attempts, times and concurrency; see `ConsumerOptions`. */
  readonly work?: Partial<Pick<ConsumerOptions<Inbound>, "concurrency" | "maxAttempts" | "leaseMs" | "retryMs" | "graceMs">>;
}

/** ms for which a message is kept after it was settled, and about how many such messages */
const settledMs = 3_600_000;
const maxSettled = 100_000;

const watchedOf = (redis: RedisClient): Watched => {
  const { inbound, allOpen } = messageKeys(redis);
  const capped = { key: allOpen, cap: defaultBacklog.unanswered, what: "messages that may be without an answer" };
  return { stream: inbound, group: workersGroup, capped };
};

/** The tier `inference`. */
export class InferenceService extends StargazerService {
  readonly #responder: Responder;
  readonly #memoryTokens = memoryTokens();
  readonly #work: InferenceOptions["work"];
  readonly #watch: StreamWatch;

  constructor({ responder, work, ...options }: InferenceOptions = {}) {
    const watch = new StreamWatch();
    const own: ServiceOptions & { readonly [tierMetrics]: StreamWatch } = {
      serviceName: "inference",
      ...options,
      [tierMetrics]: watch,
    };
    super(own);
    this.#watch = watch;
    this.#responder = responder ?? chooseResponder();
    this.#work = work;
  }

  protected override describe(): Record<string, unknown> {
    return { responder: this.#responder.name };
  }

  protected onStart(): void {}

  protected async run({ redis, signal, stopping, log, spawn }: HookContext): Promise<void> {
    const answering = { redis, log, responder: this.#responder, memoryTokens: this.#memoryTokens };
    const stream = messageKeys(redis).inbound;
    const processing = { operation: "process", destination: stream, group: workersGroup } as const;
    const by = this.instanceId;
    const answer = (message: Inbound, { token, attempt, signal: until }: Work) =>
      traced({ ...processing, messageId: message.id, attempt, ...carrying(message.traceparent) }, (traceparent) =>
        answerTo(
          answering,
          { ...message, ...carrying(traceparent) },
          { token, signal: until, epochNow: Date.now, way: { by, attempts: attempt } },
        ),
      );
    const retentions = [{ stream, groups: [workersGroup], retainMs: settledMs, maxSettled }, deadLetterRetention(redis)];
    const beside = [
      keepTrimmed({ redis, log, signal, retentions }),
      this.#watch.run({ redis, log, signal, watched: [watchedOf(redis)] }),
    ];
    await new LaneConsumer({
      redis,
      log,
      stream,
      group: workersGroup,
      laneFields: ["platform", "channel"],
      parse: parseInbound,
      handle: answer,
      buried: (message) => noticeWrites(redis, message, { at: Date.now() }),
      ...this.#work,
    }).run({ signal: stopping, spawn });
    await Promise.all(beside);
  }

  protected onStop(): void {}
}
