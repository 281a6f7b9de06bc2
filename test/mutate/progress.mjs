/** What a run prints as it goes: each survivor and timeout at once, so that it can be looked at while the rest is tried, and how far it is. */
import { relative } from "node:path";
import { declareClassPlugin, PluginKind } from "@stryker-mutator/api/plugin";
import { survived } from "./report.mjs";

const printEveryMs = 15_000;

const found = { Survived: "survived", NoCoverage: "no test runs", Timeout: "timeout" };

const textOf = ({ fileName, location, mutatorName, replacement = "", status }) => {
  const change = `${mutatorName}: ${replacement.replaceAll(/\s+/g, " ").slice(0, 80)}`;
  return `  ${found[status]}  ${relative(process.cwd(), fileName)}:${location.start.line}:${location.start.column}  ${change}`;
};

class Progress {
  #all = 0;
  #tried = 0;
  #survived = 0;
  #printedAt = performance.now();

  onMutationTestingPlanReady({ mutantPlans }) {
    this.#all = mutantPlans.length;
  }

  onMutantTested(result) {
    this.#tried += 1;
    if (result.status in found) console.error(textOf(result));
    if (survived.has(result.status)) this.#survived += 1;
    if (performance.now() - this.#printedAt < printEveryMs) return;
    this.#printedAt = performance.now();
    console.error(`  ${this.#tried} of ${this.#all} mutants, ${this.#survived} survived`);
  }
}

export const strykerPlugins = [declareClassPlugin(PluginKind.Reporter, "survivors", Progress)];
