/** Checks the files of a deployment, of any known kind, against the deadlines of a service. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { parseAllDocuments } from "yaml";
import { readUpTo } from "../../bounded-file.ts";
import { StargazerError } from "../../errors.ts";
import { composeFindings } from "./compose.ts";
import { isOver, mergedCompose, overridesOf } from "./compose-merge.ts";
import { dockerfileProblems } from "./dockerfile.ts";
import type { Checked, Finding } from "./finding.ts";
import { at } from "./finding.ts";
import { kubernetesCheck } from "./kubernetes.ts";
import { quadletProblems } from "./quadlet.ts";
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

type Kind = "unit" | "drop-in" | "quadlet" | "dockerfile" | "yaml" | "other";

/** Files beside the others that have no deadline of the service in them. */
const isOther = (file: string): boolean =>
  /\.(?:timer|socket|target|path|mount|slice|network|volume|dockerignore)$/.test(file) ||
  /^kustomization(?:\.ya?ml)?$/i.test(basename(file));

const kindOf = (file: string, text: string): Kind => {
  if (isOther(file)) return "other";
  if (/\.(?:ya?ml|json)$/i.test(file)) return "yaml";
  if (/\.(?:service|container)\.d[\\/][^\\/]+\.conf$/.test(file)) return "drop-in";
  if (/^\s*\[Container\]\s*$/m.test(text)) return "quadlet";
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

const findingsIn = (file: string, problems: readonly string[]): FileFinding[] =>
  problems.map((problem) => ({ file, where: basename(file), problem }));

/** A unit or a container of podman, with those of its drop-ins that are `given`. */
const unitFindings = (file: string, kind: Kind, given: readonly string[], checked: Checked): FileFinding[] => {
  const own = given.filter((other) => basename(dirname(other)) === `${basename(file)}.d`);
  const texts = [file, ...new Set([...dropInsOf(file), ...own])].map(textOf);
  return findingsIn(file, kind === "quadlet" ? quadletProblems(texts, checked) : unitProblems(texts, checked));
};

/** Nothing where its unit is checked as well. */
const dropInFindings = (file: string, given: readonly string[], checked: Checked): FileFinding[] => {
  const unit = basename(dirname(file)).slice(0, -".d".length);
  if (given.some((other) => basename(other) === unit)) return [];
  const beside = join(dirname(dirname(file)), unit);
  if (existsSync(beside)) return unitFindings(beside, kindOf(beside, textOf(beside)), [], checked);
  return unit.endsWith(".service") ? findingsIn(file, unitProblems([textOf(file)], checked, false)) : [];
};

const isKubernetes = (object: unknown): boolean => at(object, "apiVersion") !== undefined;

type Files = ReadonlyMap<string, readonly unknown[]>;

/** Objects of several files are read together: a Service in one, what it selects in another. */
const objectFindings = (files: Files, checked: Checked): FileFinding[] => {
  const inspect = kubernetesCheck([...files.values()].flat().filter(isKubernetes), checked);
  return [...files].flatMap(([file, own]) =>
    own.filter(isKubernetes).flatMap((object) => inspect(object).map((finding) => ({ file, ...finding }))),
  );
};

/** The compose files by their paths, several documents of one merged as compose does. */
const composeIn = (files: Files): Map<string, object> =>
  new Map(
    [...files].flatMap(([file, objects]) => {
      const own = objects.filter((each) => !isKubernetes(each));
      return own.length === 0 ? [] : [[file, own.reduce<object>((under, over) => mergedCompose(under, over as object), {})]];
    }),
  );

/** A compose file is checked with each one that is merged over it, so that one fault is named once, and alone where none is. */
const composeFileFindings = (files: Files, checked: Checked): FileFinding[] => {
  const own = composeIn(files);
  const isGiven = (file: string) => [...own.keys()].some((other) => resolve(other) === resolve(file));
  const beside = [...own.keys()].flatMap(overridesOf).filter((file) => !isGiven(file) && existsSync(file));
  for (const [file, object] of composeIn(new Map(beside.map((file) => [file, documentsIn(file, textOf(file))]))))
    own.set(file, object);
  return [...own].flatMap(([file, object]) => {
    const base = [...own.keys()].find((other) => isOver(file, other));
    const isBase = [...own.keys()].some((other) => isOver(other, file));
    if (base === undefined) return isBase ? [] : composeFindings(object, checked).map((finding) => ({ file, ...finding }));
    const whole = mergedCompose(own.get(base)!, object);
    return composeFindings(whole, checked).map((finding) => ({ file: `${base} with ${basename(file)}`, ...finding }));
  });
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
    if (kind === "unit" || kind === "quadlet") found.push(...unitFindings(file, kind, files, checked));
    if (kind === "drop-in") found.push(...dropInFindings(file, files, checked));
    if (kind === "dockerfile") found.push(...findingsIn(file, dockerfileProblems(text, checked)));
    if (kind === "yaml")
      objects.set(
        file,
        documentsIn(file, text).filter((object) => object !== null && object !== undefined),
      );
  }
  for (const [file, own] of objects)
    if (!own.some((object) => at(object, "apiVersion") !== undefined || at(object, "services") !== undefined))
      throw wrong(file, "is no unit of systemd, no Dockerfile, no compose file and has no Kubernetes object");
  return [...found, ...composeFileFindings(objects, checked), ...objectFindings(objects, checked)];
};
