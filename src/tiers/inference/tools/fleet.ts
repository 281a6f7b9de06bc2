/** The tool `fleet_status`: how many instances of each service run. No host, pid or address is in it. */
import { Registry } from "../../../registry/registry.ts";
import { tool } from "./tool.ts";

/** lines of the result */
const maxLines = 50;

export const fleetTool = tool({
  name: "fleet_status",
  about: "Which services of the system are there, and in which state.",
  fields: {},
  run: async (_, { redis, signal }) => {
    const counts = new Map<string, number>();
    for (const { service, status } of await new Registry(redis).list(undefined, { signal })) {
      const line = `${service} ${status}`;
      counts.set(line, (counts.get(line) ?? 0) + 1);
    }
    if (counts.size === 0) return { text: "no service is registered" };
    return {
      text: [...counts]
        .slice(0, maxLines)
        .map(([line, count]) => `${line}: ${count}`)
        .join("\n"),
    };
  },
});
