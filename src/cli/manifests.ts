/** `manifests`: writes the files of a deployment with the deadlines of a service, and checks existing ones. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, join, relative, resolve, sep } from "node:path";
import { forgetVariables } from "../environment.ts";
import type { Budgets, Deployed } from "../manifests/budgets.ts";
import { budgetsOf, deployedOf } from "../manifests/budgets.ts";
import type { Written } from "../manifests/written.ts";
import { exit } from "../process.ts";
import { configurationOf, sourcesOf } from "../service/options/configuration.ts";
import { optionVariables, resolveOptions } from "../service/options/options.ts";
import type { Arguments, Command } from "./command.ts";
import { jsonDetail, jsonOption, refuse, unknownWord } from "./command.ts";
import { print, printError, printJson, printText } from "./print.ts";
import type { Constructed } from "./service-of.ts";
import { constructed, isPath } from "./service-of.ts";

type Writer = (budgets: Budgets, options: Written) => ReadonlyMap<string, string>;

/** Each is loaded when it is called. */
const writers: Readonly<Record<string, () => Promise<Writer>>> = {
  k8s: async () => (await import("../manifests/kubernetes.ts")).kubernetesFiles,
  systemd: async () => (await import("../manifests/systemd.ts")).unitFiles,
  docker: async () => (await import("../manifests/containers.ts")).dockerFiles,
  compose: async () => (await import("../manifests/containers.ts")).composeFiles,
};
const kinds = Object.keys(writers);

/** The services that are deployed; none where no target is named. */
const servicesOf = async (target: string | undefined): Promise<readonly Constructed[]> => {
  forgetVariables([...optionVariables.values()].filter((name) => name !== undefined));
  return target === undefined ? [] : constructed(target, "manifests");
};

/** The configuration of the process without the variables of this shell: only those of the deployment count. */
const deployedFor = (services: readonly Constructed[]): Deployed => {
  if (services.length > 0) return deployedOf(services.map(({ own, after }) => ({ options: own.configuration(), after })));
  const given = { serviceName: "service" };
  return { options: configurationOf(resolveOptions(given), sourcesOf(given)) };
};

const commandLine = "node_modules/stargazer/dist/src/cli/main.js";

/** The path of a module inside the package; this folder is the package's. */
const inPackage = (module: string): string => {
  const path = relative(process.cwd(), resolve(module)).replaceAll(sep, "/");
  return path.startsWith("../") ? basename(module) : path;
};

/** The arguments of node that start the services. */
const commandOf = (target: string, services: readonly Constructed[]): readonly string[] => {
  if (!isPath(target)) return [commandLine, "run", target];
  const module = inPackage(target);
  return services.some(({ isLaunched }) => isLaunched) ? [module] : [commandLine, "run", `./${module}`];
};

const write = async (kind: string, args: Arguments): Promise<number> => {
  const target = args.text("for");
  const services = await servicesOf(target);
  const budgets = budgetsOf(deployedFor(services));
  const command = target === undefined ? [`${budgets.service}.js`] : commandOf(target, services);
  const files = (await writers[kind]!())(budgets, { image: args.text("image"), command });
  const folder = args.text("out");
  if (args.has("json")) printJson(Object.fromEntries(files), 2);
  else if (folder === undefined) printText(shown(files).join(kind === "k8s" ? "---\n" : "\n"));
  else writeInto(folder, files);
  return 0;
};

const isHidden = (name: string): boolean => name.startsWith(".");

/** What is printed can be sent into a file, so a hidden one beside it is left out. */
const shown = (files: ReadonlyMap<string, string>): readonly string[] =>
  [...files].flatMap(([name, text]) => (isHidden(name) ? [] : [text]));

/** A hidden file that is there stays: a `.dockerignore` is seldom of one Dockerfile alone. */
const writeInto = (folder: string, files: ReadonlyMap<string, string>): void => {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of files) {
    const path = join(folder, name);
    if (isHidden(name) && existsSync(path)) continue;
    writeFileSync(path, text);
    print(path);
  }
};

const check = async (files: readonly string[], args: Arguments): Promise<number> => {
  const deployed = deployedFor(await servicesOf(args.text("for")));
  const { checkFiles } = await import("../manifests/check/check.ts");
  const findings = checkFiles(files, deployed);
  if (args.has("json")) printJson(findings, 2);
  else {
    for (const { file, where, problem } of findings) print(`${file}: ${where}: ${problem}`);
    printError(
      findings.length === 0
        ? "nothing contradicts the deadlines of the service"
        : `${findings.length} ${findings.length === 1 ? "contradiction" : "contradictions"}`,
    );
  }
  return findings.length === 0 ? 0 : 1;
};

export const manifests: Command = {
  name: "manifests",
  summary: "writes the files of a deployment with a service's own deadlines, or checks yours",
  synopsis: "<k8s | systemd | docker | compose | check FILE...> [--for <tier | ./module.js>] [--json]",
  details: [
    ["k8s", "a Deployment with its probes, a disruption budget, a network policy and a pod monitor"],
    ["systemd", "a unit of Type=notify, with a watchdog"],
    ["docker, compose", "a Dockerfile, with --out its .dockerignore, where there is none; a compose file"],
    [
      "check FILE...",
      "Kubernetes objects, compose files, Dockerfiles, units and containers of podman: exits 1 where one contradicts",
    ],
    ["", "the deadlines of the service"],
    ["--for TARGET", "the service: a tier or a module as run takes it, constructed and not started; else one without options"],
    ["", "of a module that launches several, the figures are those of their longest chain"],
    ["", "a module's path counts from this folder, which is taken for the package's"],
    ["--image IMAGE", "the image of k8s and compose"],
    ["--out FOLDER", "writes the files into a folder, over those that are there; without it they are printed"],
    jsonDetail,
    "Variables of this shell have no effect on the figures; those in a file that is checked have.",
  ],
  options: { for: { type: "string" }, image: { type: "string" }, out: { type: "string" }, ...jsonOption },
  async run(args) {
    const [kind = "", ...files] = args.positionals;
    if (kind !== "check" && !kinds.includes(kind)) args.problems.push(unknownWord("kind", kind, [...kinds, "check"]));
    if (kind === "check" && files.length === 0) args.problems.push("check needs files");
    if (kind === "check" && (args.text("image") ?? args.text("out")) !== undefined)
      args.problems.push("check writes nothing: it takes no --image and no --out");
    if (kind !== "check" && files.length > 0) args.problems.push(`unexpected argument ${JSON.stringify(files[0])}`);
    refuse(args, manifests);
    return exit(await (kind === "check" ? check(files, args) : write(kind, args)));
  },
};
