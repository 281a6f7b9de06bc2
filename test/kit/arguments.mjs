/** The options of a program of these tests: `npm run NAME -- --seed 5`. */
import { parseArgs } from "node:util";

/**
 * Returns the values and the positionals, and `usage`, which prints a line of what is wrong and exits 2, as what cannot be parsed does.
 * `--help` prints `help` and exits 0.
 */
export const readArguments = (name, help, config) => {
  const usage = (line) => {
    console.error(`${name}: ${line}. See: npm run ${name} -- --help`);
    process.exit(2);
  };
  try {
    const options = { ...config.options, help: { type: "boolean", short: "h" } };
    const { values, positionals } = parseArgs({ ...config, options });
    if (!values.help) return { values, positionals, usage };
    console.log(help);
    process.exit(0);
  } catch (error) {
    return usage(error.message);
  }
};
