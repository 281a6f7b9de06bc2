/** A worker of BullMQ: at the stop it takes no further job and finishes the one that it has. */
import { Worker } from "bullmq";
import { launch, StargazerService } from "stargazer";

const redis = process.env.REDIS_URL ?? "redis://127.0.0.1:6379";

class Mailer extends StargazerService {
  onStart() {}

  async run({ stopping, log }) {
    const send = async (job) => {
      log.info({ job: job.id }, "mail.begun");
      return (await fetch(process.env.STOCK_URL)).text();
    };
    // BullMQ opens connections of its own, by its own client
    const worker = new Worker("mails", send, { connection: { url: redis, maxRetriesPerRequest: null } });
    worker.on("error", (error) => log.warn({ reason: error.message }, "queue.unread"));
    await new Promise((resolve) => stopping.addEventListener("abort", resolve));
    // takes no job from the first moment of stopping on, and waits for the one under way; at drainTimeoutMs the service goes on, and
    // another worker takes the job when its lock expires
    await worker.close();
  }

  onStop() {}
}

await launch(() => new Mailer({ serviceName: "mailer" }));
