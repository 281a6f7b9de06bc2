/** Which responder answers: the model that the environment names, or the one without a model. */
import { fromEnvironment } from "../../environment.ts";
import { readAll, readNumber, readUrl } from "../settings.ts";
import { modelResponder } from "./model.ts";
import { offlineResponder } from "./offline.ts";
import type { Responder } from "./responder.ts";

const timeout = { variable: "OPENAI_TIMEOUT_MS", value: undefined, fallback: 60_000, min: 100, max: 600_000 } as const;

/** The responder that the environment names (`OPENAI_BASE_URL`). Throws `SG_ERR_CONFIG_INVALID` with every problem. */
export const chooseResponder = (): Responder => {
  const { baseUrl, timeoutMs } = readAll({
    baseUrl: () => readUrl("OPENAI_BASE_URL", undefined),
    timeoutMs: () => readNumber(timeout),
  });
  if (baseUrl === undefined) return offlineResponder;
  return modelResponder({
    baseUrl,
    apiKey: fromEnvironment("OPENAI_API_KEY"),
    model: fromEnvironment("OPENAI_MODEL") ?? "gpt-4o-mini",
    timeoutMs,
  });
};
