/** Leaves out the wording of sentences: a string with a blank in it is wording, and no test should pin it word by word. */
import { declareValuePlugin, PluginKind } from "@stryker-mutator/api/plugin";

const isSentence = (text) => /\S\s+\S|\s$|^\s/.test(text);

const isWording = ({ node }) =>
  (node.type === "StringLiteral" && isSentence(node.value)) ||
  (node.type === "TemplateLiteral" && node.quasis.some(({ value }) => isSentence(value.raw)));

export const strykerPlugins = [
  declareValuePlugin(PluginKind.Ignore, "wording", {
    shouldIgnore: (path) => (isWording(path) ? "the words of a message" : undefined),
  }),
];
