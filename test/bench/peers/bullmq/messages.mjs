/** BullMQ as its manual has it: no order within a channel, and an answer that is the job's result. */
import { Queue, Worker } from "bullmq";

export const startWriter = async ({ port }) => {
  const queue = new Queue("bench", {
    connection: { host: "127.0.0.1", port },
    defaultJobOptions: { removeOnComplete: { count: 1000 }, attempts: 3 },
  });
  await queue.waitUntilReady();
  return (message) => queue.add("message", message);
};

export const startWorker = async ({ port, handle }) => {
  const work = async ({ data: { id, channel, text, at } }) => {
    handle(at);
    return { id: `re:${id}`, channel, text, to: id };
  };
  const worker = new Worker("bench", work, { connection: { host: "127.0.0.1", port }, concurrency: 16 });
  await worker.waitUntilReady();
  return () => worker.close();
};
