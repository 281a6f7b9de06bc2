// A tier of the chaos, as a process that its parent supervises. argv: the tier's name, JSON of its settings.
import { setTimeout as pause } from "node:timers/promises";
import { launch } from "../../dist/src/index.js";
import { GatewayService } from "../../dist/src/tiers/gateway/gateway.js";
import { Webchat } from "../../dist/src/tiers/gateway/webchat.js";
import { InferenceService } from "../../dist/src/tiers/inference/inference.js";

const [tier, json] = process.argv.slice(2);
const { limits, work, thinkMs } = JSON.parse(json);
// a Redis that restarts loads its data meanwhile, and no boot fails because the machine is slow
const patientMs = 60_000;
const steps = { registerTimeoutMs: patientMs, healthTimeoutMs: patientMs };
const common = { healthPort: 0, jitterMaxMs: 0, pingAttempts: 50, ...steps };

const responder = {
  name: "chaos",
  async respond(text, { signal, draft }) {
    draft("re");
    await pause(thinkMs[0] + Math.random() * (thinkMs[1] - thinkMs[0]), undefined, { signal });
    return `re ${text.slice(0, 40)}`;
  },
};

const tiers = {
  gateway: () => new GatewayService({ ...common, port: 0, platforms: [new Webchat({ limits })] }),
  inference: () => new InferenceService({ ...common, responder, work }),
};
await launch(tiers[tier]);
