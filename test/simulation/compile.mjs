/** Bundles the simulation and what it simulates into node_modules/.cache: Node 20 cannot run TypeScript, and nothing of it ships. */
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = fileURLToPath(new URL("../..", import.meta.url));
const out = `${root}node_modules/.cache/simulation`;

/** What a service without sockets does not load, and so need not be read. */
const leftOut = /^(fastify|@fastify\/.*)$/;

/** Resolves with the URL of the folder. Types are not checked here: `npm run check` does. */
export const compile = async () => {
  const bundle = await rolldown({
    input: { command: `${root}test/simulation/command.ts`, worker: `${root}test/simulation/worker.ts` },
    platform: "node",
    external: leftOut,
  });
  await bundle.write({ dir: out, format: "esm", chunkFileNames: "[name].js" });
  await bundle.close();
  return new URL(`file://${out}/`);
};
