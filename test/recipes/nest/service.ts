/** Nest beside the contract, in TypeScript: `node --import tsx service.ts`. Signals are launch's, so no `enableShutdownHooks`. */
import "reflect-metadata";
import type { INestApplication } from "@nestjs/common";
import { Controller, Get, Inject, Injectable, Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import type { HookContext } from "stargazer";
import { launch, StargazerService } from "stargazer";

@Injectable()
class Stock {
  async count(): Promise<string> {
    return (await fetch(process.env.STOCK_URL!)).text();
  }
}

@Controller("orders")
class OrdersController {
  // by name: esbuild, which tsx runs on, writes no types for Nest to inject by
  @Inject(Stock) private readonly stock!: Stock;

  @Get()
  async list() {
    return { stock: await this.stock.count() };
  }
}

@Module({ controllers: [OrdersController], providers: [Stock] })
class OrdersModule {}

class Orders extends StargazerService {
  #app: INestApplication | undefined;

  protected override async onStart({ defer }: HookContext): Promise<void> {
    // Nest rejects with what is wrong with a module; by default it ends the process
    const app = await NestFactory.create(OrdersModule, { logger: ["error", "warn"], abortOnError: false });
    // runs Nest's own onModuleDestroy and onApplicationShutdown, and waits for the requests under way
    defer(() => {
      // ms after an answer: a connection that its client keeps open would hold the close for 5 s
      app.getHttpServer().keepAliveTimeout = 1;
      return app.close();
    });
    await app.listen(Number(process.env.PORT ?? 8080), "127.0.0.1");
    this.#app = app;
  }

  protected override async run({ signal }: HookContext): Promise<void> {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  }

  protected override onStop(): void {}

  protected override describe(): Record<string, unknown> {
    return { port: this.#app?.getHttpServer().address().port };
  }
}

await launch(() => new Orders({ serviceName: "orders" }));
