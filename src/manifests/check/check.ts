/** Checks the files of a deployment, of any known kind, against the deadlines of a service. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { parseAllDocuments } from "yaml";
import { readUpTo } from "../../bounded-file.ts";
import { StargazerError } from "../../errors.ts";
import { composeFindings, dockerfileProblems } from "./containers.ts";
import type { Checked, Finding } from "./finding.ts";
import { at } from "./finding.ts";
import { kubernetesFindings } from "./kubernetes.ts";
import { unitProblems } from "./unit.ts";

/** A finding with the file that it is in. */
export interface FileFinding extends Finding {
  readonly file: string;
}

/** bytes of one file; a manifest has some thousand */
const maxBytes = 1_000_000;
/** otherwise aliases could expand a kilobyte to gigabytes */
const maxAliasCount = 100;

const wrong = (file: string, problem: string): StargazerError =>
  new StargazerError("SG_ERR_CONFIG_INVALID", `${file} ${problem}.`);

const textOf = (file: string): string => {
  if (!existsSync(file)) throw wrong(file, "is not there");
  if (!statSync(file).isFile()) throw wrong(file, "is no file");
  const text = readUpTo(file, maxBytes);
  if (text === undefined) throw wrong(file, `is larger than ${maxBytes} bytes`);
  return text;
};

type Kind = "unit" | "drop-in" | "dockerfile" | "yaml";

const kindOf = (file: string, text: string): Kind => {
  if (/\.(?:ya?ml|json)$/i.test(file)) return "yaml";
  if (/\.service\.d[\\/][^\\/]+\.conf$/.test(file)) return "drop-in";
  if (/\.service$/.test(file) || /^\s*\[Service\]\s*$/m.test(text)) return "unit";
  if (/(?:^|[.-])(?:docker|container)file/i.test(basename(file)) || /^\s*FROM\s+\S+/m.test(text)) return "dockerfile";
  return "yaml";
};

const documentsIn = (file: string, text: string): readonly unknown[] => {
  const documents = parseAllDocuments(text, { uniqueKeys: true, merge: true });
  const list = Array.isArray(documents) ? documents : [];
  return list.map((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw wrong(file, `is not YAML: ${error.message.split("\n", 1)[0]}`);
    try {
      return document.toJS({ maxAliasCount }) as unknown;
    } catch (cause) {
      throw wrong(file, `cannot be read: ${(cause as Error).message}`);
    }
  });
};

/** The unit's drop-ins beside it, in the order in which systemd reads them. */
const dropInsOf = (file: string): string[] => {
  const folder = `${file}.d`;
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(".conf"))
    .sort()
    .map((name) => join(folder, name));
};

const unitFindings = (file: string, given: readonly string[], checked: Checked): FileFinding[] => {
  const own = given.filter((other) => basename(dirname(other)) === `${basename(file)}.d`);
  const texts = [file, ...new Set([...dropInsOf(file), ...own])].map(textOf);
  return unitProblems(texts, checked).map((problem) => ({ file, where: basename(file), problem }));
};

/** Objects of several files are read together: a Service in one, what it selects in another. */
const objectFindings = (files: ReadonlyMap<string, readonly unknown[]>, checked: Checked): FileFinding[] => {
  const objects = [...files.values()].flat();
  const isKubernetes = (object: unknown) => at(object, "apiVersion") !== undefined;
  return [...files].flatMap(([file, own]) =>
    own.flatMap((object) => {
      const found = isKubernetes(object)
        ? kubernetesFindings([object], objects.filter(isKubernetes), checked)
        : composeFindings(object, checked);
      return found.map((finding) => ({ file, ...finding }));
    }),
  );
};

/**
 * The contradictions in these files, none for good ones. Throws `SG_ERR_CONFIG_INVALID` for a file that is not there, is larger than a
 * megabyte or cannot be read, and for one that is of no known kind.
 */
export const checkFiles = (files: readonly string[], checked: Checked): readonly FileFinding[] => {
  const found: FileFinding[] = [];
  const objects = new Map<string, readonly unknown[]>();
  for (const file of files) {
    const text = textOf(file);
    const kind = kindOf(file, text);
    if (kind === "unit") found.push(...unitFindings(file, files, checked));
    if (kind === "drop-in" && !files.some((other) => basename(dirname(file)) === `${basename(other)}.d`))
      found.push(...unitProblems([text], checked).map((problem) => ({ file, where: basename(file), problem })));
    if (kind === "dockerfile")
      found.push(...dockerfileProblems(text, checked).map((problem) => ({ file, where: basename(file), problem })));
    if (kind === "yaml")
      objects.set(
        file,
        documentsIn(file, text).filter((object) => object !== null && object !== undefined),
      );
  }
  for (const [file, own] of objects)
    if (!own.some((object) => at(object, "apiVersion") !== undefined || at(object, "services") !== undefined))
      throw wrong(file, "is no unit of systemd, no Dockerfile, no compose file and has no Kubernetes object");
  return [...found, ...objectFindings(objects, checked)];
};
