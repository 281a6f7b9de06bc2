/** Watches the log of a conversation, while a message is answered, for a later "stop" of its author. */
import { messageOf } from "../../errors.ts";
import type { WordedLogger } from "../../logger.ts";
import { pause } from "../../pause.ts";
import type { RedisClient } from "../../redis/client.ts";
import { until, type Waiting } from "../../until.ts";
import type { Inbound } from "../messages/envelope.ts";
import { messageKeys } from "../messages/keys.ts";
import type { LogLine } from "../messages/lines.ts";
import { linesAfter } from "../messages/lines.ts";

/** ms between two reads; an answer that takes less is not watched */
const lookMs = 500;
const pageLines = 100;
/** ms that the clock of a gateway may be ahead of that of Redis */
const skewMs = 60_000;

/** Whether the text is "stop", however it is written, and nothing else. */
export const isStopWord = (text: string): boolean => text.length <= 32 && /^\W*stop\W*$/i.test(text);

/** Whether the author says "stop" in these lines. One that has its answer was meant for another attempt, before a replay. */
export const hasStop = (lines: readonly LogLine[]): boolean =>
  lines.some(({ role, id, text }) => role === "user" && isStopWord(text) && !lines.some(({ to }) => to === id));

interface Watch extends Waiting {
  readonly redis: RedisClient;
  readonly log: WordedLogger;
  readonly message: Inbound;
}

/** Resolves with whether a line behind the message says "stop", and with false once the signal aborts. Never rejects. */
export const stopComes = async ({ redis, log, message, signal }: Watch): Promise<boolean> => {
  const { id, at, platform, channel } = message;
  let cursor = String(Math.max(0, at - skewMs));
  let isBehind = ({ at: written }: LogLine) => written > at;
  for (;;) {
    await pause(lookMs, { signal });
    if (signal.aborted) return false;
    try {
      const read = linesAfter(redis, messageKeys(redis).log(platform, channel), cursor, pageLines);
      const { lines, cursor: last } = await until(read, { signal, what: "the log of the conversation" });
      const own = lines.findIndex((line) => line.id === id);
      const behind = own < 0 ? lines.filter(isBehind) : lines.slice(own + 1);
      if (hasStop(behind)) return true;
      if (last === undefined) continue;
      cursor = last;
      if (own >= 0) isBehind = () => true;
    } catch (error) {
      const reason = messageOf(error);
      if (!signal.aborted) log.debug({ type: "stop.unknown", message: id, reason }, `the log is not readable: ${reason}`);
    }
  }
};
