/** TypeScript without a build: `node --import tsx service.ts`, or `tsx service.ts`, which passes signals on. */
import type { HookContext } from "stargazer";
import { launch, StargazerService } from "stargazer";

class Orders extends StargazerService {
  protected override onStart(): void {}

  protected override async run({ signal, log }: HookContext): Promise<void> {
    log.info({}, "stock.asked");
    const stock = await (await fetch(process.env.STOCK_URL!)).text();
    log.info({ stock }, "stock.counted");
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
  }

  protected override onStop(): void {}
}

await launch(() => new Orders({ serviceName: "orders" }));
