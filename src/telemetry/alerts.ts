/** The alerts, as rules of Prometheus. */
import type { Situation, Times } from "./situation.ts";
import { situations } from "./situations.ts";

export interface AlertOptions extends Times {
  /** in place of how long each condition has to last; for tests */
  readonly lasts: string | undefined;
  /** where the runbook is published; the section is appended */
  readonly runbook: string;
}

export interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** The anchor of a situation's section, as GitHub and GitLab make it from the title. */
export const anchorOf = ({ title }: Pick<Situation, "title">): string => title.toLowerCase().replaceAll(/[^a-z\d]+/g, "-");

export const rulesOf = ({ lasts, runbook, window }: AlertOptions): Rule[] =>
  situations.map((situation) => ({
    alert: situation.name,
    expr: situation.condition({ window }),
    for: lasts ?? situation.lasts,
    labels: { severity: situation.severity },
    annotations: { summary: situation.summary, runbook_url: `${runbook}#${anchorOf(situation)}` },
  }));

/** The file that Prometheus reads. A string of JSON is one of YAML too, so every text is quoted as JSON. */
export const alertsFile = (options: AlertOptions): string => {
  const quoted = JSON.stringify;
  const pairs = (values: Readonly<Record<string, string>>) =>
    Object.entries(values).map(([name, value]) => `          ${name}: ${quoted(value)}`);
  const ruleLines = ({ alert, expr, for: lasts, labels, annotations }: Rule) => [
    `      - alert: ${alert}`,
    `        expr: ${quoted(expr)}`,
    `        for: ${lasts}`,
    "        labels:",
    ...pairs(labels),
    "        annotations:",
    ...pairs(annotations),
  ];
  return `${["groups:", "  - name: stargazer", "    rules:", ...rulesOf(options).flatMap(ruleLines)].join("\n")}\n`;
};
