/** The runs of this user on this machine: each has a folder with its logs, its note, and the socket that says whether it lives. */
import { existsSync, lstatSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import type { Server } from "node:net";
import { basename, join } from "node:path";
import type { RunFolder } from "../../machines/index.ts";
import { every } from "../clock.ts";
import { existingFleetFolders, openFleetFolder } from "./folder.ts";
import type { FleetNote } from "./note.ts";
import { noteIn, publishNote, readNote, removeNote } from "./note.ts";
import { beginPresence, isPresent, socketIn } from "./presence.ts";

/** runs that have ended and left logs: so many are kept, the newest ones */
const keptRuns = 8;

/** ms between two looks at what other shells find a run by */
const lookMs = 2000;

const runsIn = (root: string): string[] =>
  readdirSync(root)
    .filter((name) => /^\d+-/.test(name))
    .map((name) => join(root, name));

const split = async (folders: readonly string[]): Promise<{ living: string[]; ended: string[] }> => {
  const present = await Promise.all(folders.map(isPresent));
  return { living: folders.filter((_, at) => present[at]), ended: folders.filter((_, at) => !present[at]) };
};

/**
 * The fleets of this user that run on this machine, newest first, also those of shells with another XDG_RUNTIME_DIR. Reads only. Rejects
 * with `SG_ERR_CONFIG_INVALID` if other users could have written to the folder.
 */
export const livingFleets = async (): Promise<FleetNote[]> => {
  const { living } = await split(existingFleetFolders().flatMap(runsIn));
  return living.flatMap((folder) => readNote(folder) ?? []).sort((a, b) => b.startedAt - a.startedAt);
};

const changedAt = (path: string): number => lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
const logsIn = (folder: string): string[] =>
  existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".log")) : [];
/** ms since the epoch; 0 without logs */
const loggedAt = (folder: string): number => Math.max(0, ...logsIn(folder).map((name) => changedAt(join(folder, name))));

/** Of the runs that have ended, the newest that left logs stay. */
const prune = async (root: string): Promise<void> => {
  const { ended } = await split(runsIn(root));
  for (const folder of ended) removeNote(folder);
  const logged = ended.map((folder) => ({ folder, at: loggedAt(folder) })).filter(({ at }) => at > 0);
  const newest = logged.sort((a, b) => b.at - a.at).slice(0, keptRuns);
  const stays = new Set(newest.map(({ folder }) => folder));
  for (const folder of ended) if (!stays.has(folder)) rmSync(folder, { recursive: true, force: true });
};

/**
 * A run that lives. Socket and note are made again where they were removed, by a cleaner of old files for example: without the one the
 * next run takes this one for ended, without the other no shell finds it.
 */
class LivingRun implements RunFolder {
  readonly path: string;
  #presence: Promise<Server | undefined>;
  #note: FleetNote | undefined;
  readonly #endLooks: () => void;

  constructor(path: string, presence: Server) {
    this.path = path;
    this.#presence = Promise.resolve(presence);
    this.#endLooks = every(lookMs, () => this.#look());
  }

  publish(note: FleetNote): void {
    this.#note = note;
    publishNote(this.path, note);
  }

  /** A folder that is gone as a whole stays so: its logs are lost, which has a notice. */
  #look(): void {
    if (!existsSync(this.path)) return;
    if (!existsSync(socketIn(this.path))) this.#presence = this.#listenAgain();
    if (this.#note === undefined || existsSync(noteIn(this.path))) return;
    try {
      publishNote(this.path, this.#note);
    } catch {
      // a full disk: the next look tries again
    }
  }

  async #listenAgain(): Promise<Server | undefined> {
    // before: the end of a listener removes what is at its path
    (await this.#presence)?.close();
    return beginPresence(this.path, basename(this.path)).catch(() => undefined);
  }

  async remove({ keepLogs }: { readonly keepLogs: boolean }): Promise<void> {
    this.#endLooks();
    removeNote(this.path);
    const presence = await this.#presence;
    await new Promise((resolve) => (presence === undefined ? resolve(undefined) : presence.close(resolve)));
    rmSync(socketIn(this.path), { force: true });
    if (!keepLogs || logsIn(this.path).length === 0) rmSync(this.path, { recursive: true, force: true });
  }
}

/**
 * Makes the folder of a run. Other shells see it with its socket or not at all: it gets its name when the socket is there. Removes
 * what is left of runs whose process is gone. Rejects with `SG_ERR_CONFIG_INVALID` as `livingFleets` does, else with the reason why
 * there can be no such folder.
 */
export const openRun = async (): Promise<LivingRun> => {
  const root = openFleetFolder();
  await prune(root);
  const draft = mkdtempSync(join(root, `.${process.pid}-`));
  const path = join(root, basename(draft).slice(1));
  try {
    const presence = await beginPresence(draft, basename(path));
    renameSync(draft, path);
    return new LivingRun(path, presence);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    throw error;
  }
};
