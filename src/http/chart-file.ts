/** The drawing of a chart for a page: the file of the package, apart from its style, which a page's policy allows as a file only. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { FastifyInstance } from "fastify";

/** `visualizations/NAME.svg`, as drawing and style. */
const readChart = async (name: string): Promise<{ readonly svg: string; readonly style: string }> => {
  const root = dirname(createRequire(import.meta.url).resolve("stargazer/package.json"));
  const file = await readFile(join(root, "visualizations", `${name}.svg`), "utf8");
  const [whole = "", style = ""] = /<style>([\s\S]*?)<\/style>/.exec(file) ?? [];
  return { svg: file.replace(whole, ""), style };
};

/** Serves `/chart/NAME` and `/chart/style.css`, read when they are asked for; they need no token. */
export const serveChart = (app: FastifyInstance, name: string): void => {
  const config = { isOpen: true };
  app.get(`/chart/${name}`, { config }, async (_request, reply) =>
    reply.type("image/svg+xml; charset=utf-8").send((await readChart(name)).svg),
  );
  app.get("/chart/style.css", { config }, async (_request, reply) =>
    reply.type("text/css; charset=utf-8").send((await readChart(name)).style),
  );
};
