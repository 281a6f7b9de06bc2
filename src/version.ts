/** Which Stargazer this is. */
import { createRequire } from "node:module";

export const version = (): string => (createRequire(import.meta.url)("stargazer/package.json") as { version: string }).version;
