/** Who takes part: ours in its shapes, and the peers, all with the same hooks (`services/hooks.cjs`). */
import { fileURLToPath } from "node:url";
import { peerFolder } from "./peers.mjs";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const services = fileURLToPath(new URL("../services/", import.meta.url));

const peer = (id, name) => ({
  id,
  name,
  hasMarks: true,
  folder: () => peerFolder(id),
  args: ["service.mjs"],
  live: "http://127.0.0.1:{PORT}/live",
  ready: "http://127.0.0.1:{PORT}/ready",
  work: "http://127.0.0.1:{PORT}/work?ms={MS}",
  key: "reg:bench:{ID}",
});

const ours = (id, name, args) => ({
  id,
  name,
  // the main file of a tier is not ours to mark, and with a preload it would run from plain modules
  hasMarks: id !== "tier",
  folder: () => root,
  args,
  live: "http://127.0.0.1:{PORT}/healthz",
  ready: "http://127.0.0.1:{PORT}/readyz",
  metrics: "http://127.0.0.1:{PORT}/metrics",
  work: "http://127.0.0.1:{APP_PORT}/work?ms={MS}",
  key: `sg:registry:service:${id === "tier" ? "inference" : "bench"}:*`,
});

const all = [
  ours("ours", "a service on this library", [`${services}ours.mjs`]),
  ours("early", "the same with stargazer/early", ["--import", "stargazer/early", `${services}ours.mjs`]),
  ours("bundled", "the same from the bundled door", ["--conditions=stargazer-bundled", `${services}ours.mjs`]),
  ours("tier", "a tier started by the CLI", [`${root}dist/src/cli/main.js`, "run", "inference"]),
  ours("web", "a service with HTTP of the web tier's kind", [`${services}ours-web.mjs`]),
  peer("node-http", "(a) by hand: node:http + ioredis"),
  peer("fastify", "(b) by hand: Fastify + under-pressure + close-with-grace"),
  { ...peer("lightship", "(c) lightship"), work: "http://127.0.0.1:{APP_PORT}/work?ms={MS}" },
  peer("terminus", "(d) @godaddy/terminus"),
  { ...peer("moleculer", "(e) moleculer"), key: "MOL-DSCVR-*{ID}*" },
];

/** (a) and (b) of the ratios. */
export const bases = { a: "node-http", b: "fastify" };

export const nameOf = (id) => all.find((one) => one.id === id)?.name ?? id;

export const contestants = (...ids) => ids.map((id) => all.find((one) => one.id === id));
