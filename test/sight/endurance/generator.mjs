/** The generator of fleets, which is TypeScript: bundled into node_modules/.cache, since Node 20 cannot run it. */
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const file = `${root}node_modules/.cache/sight/fleet-generator-${process.pid}.mjs`;

/** Resolves with the class. Types are not checked here: `npm run check` does. */
export const loadGenerator = async () => {
  const bundle = await rolldown({ input: `${root}test/kit/fleet-generator.ts`, platform: "node", external: /^[^./]/ });
  await bundle.write({ file, format: "esm" });
  await bundle.close();
  const { FleetGenerator } = await import(file);
  return FleetGenerator;
};
