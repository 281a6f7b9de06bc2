/** The Dockerfile and the compose file of a service. */
import type { Budgets } from "./budgets.ts";
import { marginMs, probesFor, secondsFor } from "./budgets.ts";
import type { Written } from "./written.ts";
import { imageOf, labelOf, variablesOf } from "./written.ts";

const intervalSeconds = 10;
const portOf = ({ healthPort }: Budgets): number => healthPort || 9090;
/** by `node`, since a slim image has no curl; with an agent of its own, since the global one may use a proxy (NODE_USE_ENV_PROXY) */
const ask = (budgets: Budgets): readonly string[] => [
  "node",
  "-e",
  `require("node:http").get("http://127.0.0.1:${portOf(budgets)}/healthz", { agent: false }, (answer) => { answer.resume(); if (answer.statusCode !== 200) throw answer.statusCode; })`,
];
const list = (words: readonly string[]): string => `[${words.map((word) => JSON.stringify(word)).join(", ")}]`;

const healthcheck = (budgets: Budgets): string => `# the boot may last ${budgets.bootMs} ms
HEALTHCHECK --interval=${intervalSeconds}s --timeout=3s --start-period=${secondsFor(budgets.bootMs + marginMs)}s --retries=3 \\
  CMD ${list(ask(budgets))}
`;

/** What `COPY . .` would put into the image: modules of another system, the history, secrets. */
const dockerIgnore = `# beside the Dockerfile
.dockerignore
.env*
.git
**/node_modules
*.log
Dockerfile*
`;

export const dockerFiles = (budgets: Budgets, { command }: Written): ReadonlyMap<string, string> =>
  new Map([
    [
      "Dockerfile",
      `FROM node:22-slim
WORKDIR /app
ENV NODE_ENV=production
COPY package*.json ./
RUN npm ci --omit=dev
# without what .dockerignore names, which manifests docker --out writes beside it: node_modules, .git, .env*
COPY . .
USER node
${budgets.hasHealth ? `ENV SG_HEALTH_HOST=0.0.0.0\nEXPOSE ${portOf(budgets)}\n${healthcheck(budgets)}` : ""}# stopping may last ${budgets.stopMs} ms: docker stop --timeout ${secondsFor(budgets.stopMs + marginMs)}
STOPSIGNAL SIGTERM
# the program itself is PID 1 and gets the signals; npx, npm start and a shell would not pass them on
CMD ${list(["node", ...command])}
`,
    ],
    [".dockerignore", dockerIgnore],
  ]);

export const composeFiles = (budgets: Budgets, options: Written): ReadonlyMap<string, string> => {
  const variables = variablesOf(budgets, { drainDelayMs: probesFor(budgets).drainDelayMs });
  const usesRedis = budgets.hasRedis && !budgets.fixed.has("redis");
  return new Map([
    [
      "compose.yaml",
      `services:
  ${labelOf(budgets)}:
    image: ${JSON.stringify(imageOf(budgets, options))}
    build: .
    command: ${list(["node", ...options.command])}
    init: true
    user: node
    read_only: true
    tmpfs: [/tmp]
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    restart: on-failure
    # stopping may last ${budgets.stopMs} ms
    stop_grace_period: ${secondsFor(budgets.stopMs + marginMs)}s
    environment:
${[...variables, ["SG_FLIGHT_DIR", "/tmp"], ...(usesRedis ? [["REDIS_URL", "redis://redis:6379"]] : [])].map(([name, value]) => `      ${name}: ${JSON.stringify(value)}`).join("\n")}
${
  budgets.hasHealth
    ? `    healthcheck:
      test: ${list(["CMD", ...ask(budgets)])}
      interval: ${intervalSeconds}s
      timeout: 3s
      # the boot may last ${budgets.bootMs} ms
      start_period: ${secondsFor(budgets.bootMs + marginMs)}s
      retries: 3
`
    : ""
}${
  usesRedis
    ? `    depends_on: [redis]
  redis:
    image: "redis:7"
`
    : ""
}`,
    ],
  ]);
};
