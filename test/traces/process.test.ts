/** Traces of processes: what is loaded with and without an SDK, and spans that reach a collector over HTTP although SIGTERM comes. */
import { once } from "node:events";
import type { IncomingMessage, Server } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { endPrograms, Program } from "../kit/program.ts";
import { eventually } from "../kit/wait.ts";

const sdk = fileURLToPath(new URL("../fixtures/otel.mjs", import.meta.url));
const signals = fileURLToPath(new URL("../fixtures/otel-signals.mjs", import.meta.url));
const servers: Server[] = [];
afterEach(async () => {
  await endPrograms();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

interface SpanJson {
  readonly name: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly links?: readonly { readonly spanId: string }[];
}
interface Export {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly SpanJson[] }[] }[];
}

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
};

/** A collector; one that is `mute` takes the spans and answers nothing. */
const collector = async ({ mute = false } = {}) => {
  const spans: SpanJson[] = [];
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const { resourceSpans } = JSON.parse(body) as Export;
      spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)));
      if (!mute) response.setHeader("content-type", "application/json").end("{}");
    });
  });
  servers.push(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { spans, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces` };
};

/** A launched service; `preloads` are modules that are loaded before it. Each module that the process loads is a line of standard error. */
const launched = (preloads: readonly string[], env: Readonly<Record<string, string>> = {}): Program => {
  const hook = `import { writeSync } from "node:fs";
    export const load = (url, context, next) => { writeSync(2, "loads " + url + "\\n"); return next(url, context); };`;
  const register = `import { register } from "node:module"; register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hook)}`)});`;
  const all = [`data:text/javascript,${encodeURIComponent(register)}`, ...preloads];
  return new Program("service.mjs", {
    env: { SG_TEST: JSON.stringify({ options: { redis: null } }), ...env },
    wrap: ([node = "", ...rest]) => [node, ...all.flatMap((module) => ["--import", module]), ...rest],
  });
};
const loaded = ({ errors }: Program, pattern: RegExp): string[] =>
  errors.split("\n").filter((line) => line.startsWith("loads ") && pattern.test(line));

describe("a process", () => {
  it("without OpenTelemetry loads none of its packages and none of what traces", async () => {
    const program = launched([]);
    await program.state("running");
    program.signal("SIGTERM");
    expect(await program.ended).toMatchObject({ code: 0 });
    expect(loaded(program, /dist\/src\/index\.js/)).toHaveLength(1);
    expect(loaded(program, /opentelemetry|trace/)).toEqual([]);
  });

  it("with an SDK has its boot and its stop at the collector after SIGTERM, though the SDK exports hourly", async () => {
    const { spans, url } = await collector();
    const program = launched([sdk], { STARGAZER_TEST_OTLP: url });
    await program.state("running");
    expect(spans).toEqual([]);
    program.signal("SIGTERM");
    expect(await program.ended).toMatchObject({ code: 0, signal: null });
    expect(loaded(program, /dist\/.*trace/)).not.toEqual([]);
    const stop = spans.find(({ name }) => name.startsWith("stop "));
    const boot = spans.find(({ name }) => name.startsWith("boot "));
    expect(stop?.links?.map(({ spanId }) => spanId)).toEqual([boot?.spanId]);
    expect(spans.filter(({ parentSpanId }) => parentSpanId === boot?.spanId).map(({ name }) => name)).toEqual([
      ...["jitter", "pinging", "starting", "registering", "healthy"],
    ]);
    expect(program.errors).not.toContain("still alive");
  });

  it("with an SDK whose boot fails at once has it at the collector", async () => {
    const { spans, url } = await collector();
    const env = { STARGAZER_TEST_OTLP: url, SG_TEST: JSON.stringify({ options: { redis: null }, onStart: "throws" }) };
    const program = launched([sdk], env);
    expect(await program.ended).toMatchObject({ code: 1 });
    expect(spans.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["starting", expect.stringMatching(/^boot /), expect.stringMatching(/^stop /)]),
    );
  });

  it("with an SDK of metrics and logs has both exported after SIGTERM, though the SDK exports hourly", async () => {
    const program = launched([signals]);
    await program.state("running");
    expect(program.errors).not.toContain("exports");
    program.signal("SIGTERM");
    expect(await program.ended).toMatchObject({ code: 0, signal: null });
    expect(program.errors).toContain("exports orders.taken\n");
    expect(program.errors).toContain("exports an order was taken\n");
    expect(program.errors).not.toContain("still alive");
  });

  it("ends with its exit code although the collector does not answer, and names what was waited for", async () => {
    const { spans, url } = await collector({ mute: true });
    const program = launched([sdk], { STARGAZER_TEST_OTLP: url });
    await program.state("running");
    program.signal("SIGTERM");
    expect(await program.ended).toMatchObject({ code: 0, signal: null });
    await eventually("the export", () => spans.length > 0);
    expect(program.errors).toMatch(/still alive 1000 ms after the last service stopped; open: .*telemetry/);
  });
});
