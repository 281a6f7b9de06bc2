/** Which containers of a deployment run the service. */

/** What a container shows of itself. */
export interface Candidate {
  readonly name: string;
  readonly image: string;
  readonly variables: readonly string[];
  /** its commands and probes */
  readonly commands: unknown;
  /** whether it runs once and ends, as a migration does */
  readonly runsOnce: boolean;
  /** whether others of the deployment say that they need it, as they need a Redis */
  readonly isNeeded: boolean;
}

const isNamedAs = (service: string, { name, image }: Candidate): boolean =>
  name === service || image.replace(/@.*$/, "").split("/").at(-1)!.split(":", 1)[0] === service;

const isCertain = (service: string, candidate: Candidate): boolean =>
  candidate.variables.some((name) => name.startsWith("SG_") || name === "REDIS_URL") ||
  /stargazer|\/healthz|\/readyz/.test(JSON.stringify(candidate.commands)) ||
  (!candidate.runsOnce && isNamedAs(service, candidate));

const runsNode = ({ commands }: Candidate): boolean => /\b(?:node|npx|npm|yarn|pnpm)\b/.test(JSON.stringify(commands));

/** Those with a sign of the service; where none has one, those that run on and that no other needs, else all. */
export const runningService = <T>(all: readonly T[], service: string, shown: (one: T) => Candidate): readonly T[] => {
  const candidates = all.map((one) => ({ one, ...shown(one) }));
  const signed = candidates.filter((candidate) => isCertain(service, candidate) || (!candidate.runsOnce && runsNode(candidate)));
  const lasting = candidates.filter(({ runsOnce, isNeeded }) => !runsOnce && !isNeeded);
  const [chosen = []] = [signed, lasting, candidates].filter(({ length }) => length > 0);
  return chosen.map(({ one }) => one);
};
