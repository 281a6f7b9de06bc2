/** The programs of `test/recipes`: their packages, which are installed on demand, and the server that they ask, which answers when the test says so. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { eventually } from "./wait.ts";

const sources = fileURLToPath(new URL("../recipes/", import.meta.url));
const root = fileURLToPath(new URL("../..", import.meta.url));
/** A copy, in which the packages are: a link to this package below `test/` would be a circle for what walks through that folder. */
export const recipes = join(root, "node_modules", ".cache", "stargazer", "recipes");
const modules = join(recipes, "node_modules");
/** ms; without a registry the recipes that need packages are skipped soon */
const installMs = 90_000;

/** Copies the programs, and links this package where they import it from. */
export const copyRecipes = (): void => {
  const isProgram = (path: string) => !/node_modules|\.test\.ts$/.test(relative(sources, path));
  cpSync(sources, recipes, { recursive: true, filter: isProgram });
  const link = join(modules, "stargazer");
  mkdirSync(modules, { recursive: true });
  rmSync(link, { force: true });
  symlinkSync(root, link);
};

/** Installs the packages of the recipes by their lockfile; undefined if they are there, else why they cannot be had. */
export const installPackages = (): string | undefined => {
  const lock = readFileSync(join(sources, "package-lock.json"));
  const mark = createHash("sha256").update(lock).digest("hex");
  const stamp = join(modules, ".installed");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === mark) return undefined;
  mkdirSync(recipes, { recursive: true });
  for (const file of ["package.json", "package-lock.json"]) copyFileSync(join(sources, file), join(recipes, file));
  const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=0", "--loglevel=error"];
  const { status, stderr, error } = spawnSync("npm", ["ci", ...options], { cwd: recipes, encoding: "utf8", timeout: installMs });
  if (status !== 0) return (error?.message ?? stderr).trim().split("\n")[0] || "npm ci failed";
  writeFileSync(stamp, mark);
  return undefined;
};

/** What the services of the recipes ask while they work: it holds each request until `answer`. */
export class Stock {
  readonly #server: Server;
  readonly #held: ServerResponse[] = [];

  static async start(): Promise<Stock> {
    const stock = new Stock();
    await once(stock.#server.listen(0, "127.0.0.1"), "listening");
    return stock;
  }

  private constructor() {
    this.#server = createServer((_, response) => void this.#held.push(response));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** Resolves once a service has asked and waits. */
  async isAsked(): Promise<void> {
    await eventually("the stock is asked", () => this.#held.length > 0);
  }

  answer(): void {
    for (const response of this.#held.splice(0)) response.setHeader("connection", "close").end("7");
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** A collector of OpenTelemetry that keeps the names of the spans. */
export const startCollector = async (): Promise<{ readonly names: readonly string[]; readonly url: string; stop(): void }> => {
  const names: string[] = [];
  const read = async (request: IncomingMessage) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString();
  };
  const server = createServer((request, response) => {
    void read(request).then((body) => {
      names.push(...[...body.matchAll(/"name":"([^"]+)","kind"/g)].map(([, name]) => name!));
      response.setHeader("content-type", "application/json").end("{}");
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    names,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
};
