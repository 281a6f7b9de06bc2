/** The Redis of the chaos: on a port of its own, restricted for the tiers as a fleet's is, and with what it had after each restart. */
import { once } from "node:events";
import { tiersUser } from "../../dist/src/fleet/permissions.js";
import { openRedis } from "../../dist/src/redis/connection.js";
import { startEmbeddedRedis } from "../../dist/src/redis/embedded/server.js";

// `everysec` puts a write off while the disk is slow, and a killed server loses it; with `no` each write is the kernel's before its reply
const config = ["appendonly yes", "appendfsync no"];

export class ChaosRedis {
  #server;
  #open = new Set();
  #restarting = Promise.resolve();
  #isOver = false;

  static async start() {
    const redis = new ChaosRedis();
    redis.#server = await startEmbeddedRedis({ port: 0, user: tiersUser, config });
    return redis;
  }

  /** of the user of the tiers */
  get url() {
    return this.#server.userUrl;
  }

  /** A connected client: of the user of the tiers, or of the administrator. */
  async connect({ asAdmin = false } = {}) {
    const client = openRedis(asAdmin ? this.#server.url : this.url);
    client.on("error", () => {});
    this.#open.add(client);
    await client.connect();
    return client;
  }

  /** SIGKILL or SIGTERM, and a new server with the data of the old one. */
  restart(signal) {
    this.#restarting = this.#restarting.then(() => this.#restart(signal));
    return this.#restarting;
  }

  async stop() {
    this.#isOver = true;
    await this.#restarting.catch(() => {});
    for (const client of this.#open) client.disconnect();
    await this.#server.stop();
  }

  async #restart(signal) {
    if (this.#isOver) return;
    process.kill(this.#server.pid, signal);
    await this.#server.ended;
    this.#server = await this.#server.restart();
    for (const client of this.#open) if (client.status !== "ready") await once(client, "ready");
  }
}
