/** Where the inspector of a service listened last, and its token: the next one listens there again, so that an open page finds it. */
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readUpTo } from "../bounded-file.ts";
import { tokenProblem } from "../http/token.ts";
import { ownUid, privateFolder } from "../private-folder.ts";
import { isRecord } from "../record.ts";

export interface LastAddress {
  readonly port: number;
  readonly token: string;
}

const maxBytes = 1024;

/** In a folder of this user alone: the file has the token. */
const fileOf = (service: string): string =>
  join(privateFolder(join(tmpdir(), `stargazer-inspectors-${ownUid() ?? "all"}`)), `${service.replace(/[^\w.-]/g, "_")}.json`);

/** Undefined where there is none, or it cannot be read. */
export const lastAddress = (service: string): LastAddress | undefined => {
  try {
    const value: unknown = JSON.parse(readUpTo(fileOf(service), maxBytes) ?? "");
    if (!isRecord(value) || typeof value.token !== "string" || tokenProblem(value.token) !== undefined) return undefined;
    const { port, token } = value as { port: unknown; token: string };
    return Number.isInteger(port) && Number(port) > 0 && Number(port) <= 65_535 ? { port: Number(port), token } : undefined;
  } catch {
    return undefined;
  }
};

/** Keeps the address for the next inspector of that service. A folder that cannot be written to keeps none. */
export const keepAddress = (service: string, address: LastAddress): void => {
  try {
    writeFileSync(fileOf(service), JSON.stringify(address), { mode: 0o600 });
  } catch {
    // the next inspector has another address
  }
};
