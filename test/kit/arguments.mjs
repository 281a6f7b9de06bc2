/** The options of a program of these tests: `npm run NAME -- --seed 5`. */
import { parseArgs } from "node:util";

/**
 * Returns the values and the positionals; `usage`, which prints a line of what is wrong and exits 2, as what cannot be parsed does; and
 * `whole`, the value of an option as a whole number from 1 on, undefined where it is not given.
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
    const whole = (option) => {
      const text = values[option];
      if (text === undefined) return undefined;
      return /^[1-9]\d{0,8}$/.test(text)
        ? Number(text)
        : usage(`--${option} needs a whole number from 1 on, not ${JSON.stringify(text)}`);
    };
    if (!values.help) return { values, positionals, usage, whole };
    console.log(help);
    process.exit(0);
  } catch (error) {
    return usage(error.message);
  }
};
