/** A tier with HTTP of its own: one server, guarded as its settings say, from `onStart` to the end of its releases. */
import type { tierMetrics } from "../health/metrics.ts";
import type { MetricsSource } from "../health/own-metrics.ts";
import type { Address, HttpServer, HttpServerOptions } from "../http/server.ts";
import { HttpServer as Server } from "../http/server.ts";
import { portSteps } from "../http/steps.ts";
import { announceListening } from "../process.ts";
import { StargazerService } from "../service/service.ts";
import type { HookContext, ServiceOptions } from "../service/types.ts";
import type { ListeningSettings, ReadListening } from "./settings.ts";
import { exposureOf } from "./settings.ts";

export interface HttpTierOptions extends Partial<ServiceOptions> {
  /** Default the tier's variable, else its own port; 0 picks a free one. */
  readonly port?: number;
  /** The address to listen on. Default `SG_HTTP_HOST`, else 127.0.0.1. */
  readonly host?: string;
  /** The secret that requests have to carry: 32 to 256 characters. Default `SG_TOKEN`, else none, and no request needs any. */
  readonly token?: string;
  readonly [tierMetrics]?: MetricsSource;
}

/** What a tier gives its server beside the settings. */
export type Shell = Pick<HttpServerOptions, "origins" | "headers">;

export abstract class HttpTier extends StargazerService {
  /** private, so that nothing that shows the service shows its token */
  readonly #settings: ListeningSettings;
  #http: Address | undefined;

  /** Throws `SG_ERR_CONFIG_INVALID`. */
  constructor(serviceName: string, read: ReadListening, { port, host, token, ...options }: HttpTierOptions) {
    // first: what is refused has not begun to be a service, and logs nothing
    const settings = read({ port, host, token, allowedHosts: options.allowedHosts });
    super({ serviceName, ...options });
    this.#settings = settings;
  }

  /** Where it listens; undefined before it does. */
  get http(): Address | undefined {
    return this.#http;
  }

  protected override describe(): Record<string, unknown> {
    return this.#http === undefined ? {} : { http: this.#http };
  }

  protected async onStart(context: HookContext): Promise<void> {
    await context.phase("http", async () => {
      const { signal, log, defer } = context;
      const http = await Server.create({ ...this.#settings, ...this.shell(), steps: portSteps(), signal, log });
      defer(() => http.close());
      await this.addRoutes(http, context);
      const { taken, ...address } = await http.listen();
      announceListening({ name: "http", ...address, taken });
      this.#http = address;
      const exposure = exposureOf(this.#settings);
      if (exposure !== undefined) log.warn({ type: "http.exposed", ...address }, exposure);
    });
  }

  protected onStop(): void {}

  protected abstract shell(): Shell;

  /** Called once, before the server listens. */
  protected abstract addRoutes(http: HttpServer, context: HookContext): Promise<void>;
}
