/** `healthPort: 0`, also without Redis: the port that the system chose is in a fact, in the status and in a property. */
import { expect, it } from "vitest";
import type { ServiceFact } from "../../src/index.ts";
import { StargazerService } from "../../src/index.ts";
import { silentLogger } from "../../src/logger.ts";
import { ask } from "../kit/http-client.ts";
import { withPatience } from "../kit/patience.ts";

class Quiet extends StargazerService {
  protected onStart(): void {}
  protected run(): void {}
  protected onStop(): void {}
}

it("a service on port 0 without Redis names the port by a fact, in its status and /status, and by a property", async () => {
  const service = new Quiet(
    withPatience({
      serviceName: "quiet",
      redis: null,
      useHealthServer: true,
      healthPort: 0,
      jitterMaxMs: 0,
      logger: silentLogger,
    }),
  );
  const facts: ServiceFact[] = [];
  service.onFact((fact) => facts.push(fact));
  expect([service.healthAddress, service.status().health]).toEqual([null, null]);
  await service.boot();
  const { host, port } = service.healthAddress!;
  expect(host).toBe("127.0.0.1");
  expect(facts.filter(({ type }) => type === "health.listening")).toEqual([{ type: "health.listening", host, port }]);
  expect(service.status().health).toEqual({ host, port });
  expect((await ask(port, "/status")).data.health).toEqual({ host, port });
  await service.shutdown();
  expect([service.healthAddress, service.status().health]).toEqual([null, null]);
});
