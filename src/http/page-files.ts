/**
 * The files of a page, served as they stand under `src`: nothing is built, and the address of a file is its path there, so that
 * imports between them hold for the browser, the linter and the type check alike. The root is that of the package: tests (`src`) and
 * an installed package (`dist`) serve the same files.
 */
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, extname, join } from "node:path";
import type { WebsocketHandler } from "@fastify/websocket";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { stateNames } from "../../machines/phases.ts";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
};

/** what the pages share */
const shared = "http";

interface PageFile {
  readonly path: string;
  readonly type: string;
  readonly bytes: Buffer;
}

const source = (): string => join(dirname(createRequire(import.meta.url).resolve("stargazer/package.json")), "src");

const readFolder = async (folder: string): Promise<PageFile[]> => {
  const names = (await readdir(join(source(), folder))).filter((name) => extname(name) in types);
  return Promise.all(
    names.map(async (name) => ({
      path: `/${folder}/${name}`,
      type: types[extname(name)]!,
      bytes: await readFile(join(source(), folder, name)),
    })),
  );
};

/** The colour of a state is that of its place among the nine, by a class and a property that have its name. */
const stateStyles = (): string =>
  stateNames.map((name, at) => `:root { --s-${name}: var(--s${at + 1}); }\n.is-${name} { --c: var(--s-${name}); }\n`).join("");

/** written from the chart, so that no page has a name of a state */
const written = (): PageFile => ({ path: `/${shared}/page/states.css`, type: types[".css"]!, bytes: Buffer.from(stateStyles()) });

export interface PageOptions {
  /** the file that `/` is; default `index.html` */
  readonly index?: string;
  /** what a WebSocket at `/` gets; default none. Needs `addWebSockets`. */
  readonly wsHandler?: WebsocketHandler;
}

/**
 * Serves the files of `src/<room>/page` and the shared ones at their paths, one of them at `/`, the colours of the states, and no other file. They are the
 * package's own and need no token; what they show does.
 */
export const servePage = async (
  app: FastifyInstance,
  room: string,
  { index = "index.html", ...atRoot }: PageOptions = {},
): Promise<void> => {
  const files = [...(await Promise.all([readFolder(`${room}/page`), readFolder(`${shared}/page`)])).flat(), written()];
  for (const { path, type, bytes } of files) {
    const handler = (_request: FastifyRequest, reply: FastifyReply) => reply.type(type).send(bytes);
    const file = { method: "GET", handler, config: { isOpen: true } } as const;
    if (path === `/${room}/page/${index}`) app.route({ url: "/", ...file, ...atRoot });
    else app.route({ url: path, ...file });
  }
};
