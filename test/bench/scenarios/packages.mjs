/** What one gets with `npm install`: production packages, without optional peers. */
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { scratch } from "../kit/cleanup.mjs";
import { contestants } from "../kit/contestants.mjs";
import { installOurs, packagesOf } from "../kit/peers.mjs";

const root = fileURLToPath(new URL("../../../", import.meta.url));

export const packages = {
  name: "packages",
  title: "packages installed",
  rounds: 1,
  quickRounds: 1,
  units: { packages: "" },
  async run({ samples, others }) {
    samples.add("packages", "ours", packagesOf(installOurs(root, mkdtempSync(join(scratch, "install-")))));
    for (const { id, folder } of contestants("node-http", "fastify", ...others))
      samples.add("packages", id, packagesOf(folder()));
  },
};
