/** The fleet's page, served by a web tier of its own process and shown by a real Chromium. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const program = fileURLToPath(new URL("web.mjs", import.meta.url));
const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((file) =>
  existsSync(file),
);
const args = [
  ...["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-quic", "--disable-sync"],
  ...["--disable-background-networking", "--disable-component-update", "--enable-precise-memory-info"],
];

/** Whether this machine has a Chromium. */
export const hasBrowser = executablePath !== undefined;

/** The next message of that kind from a child; rejects where the child ends first. */
export const messageFrom = (child, isWanted) =>
  new Promise((resolve, reject) => {
    const look = (message) => {
      if (!isWanted(message)) return;
      child.off("message", look);
      resolve(message);
    };
    child.on("message", look);
    void child.ended.then((how) => reject(new Error(`${child.spawnfile} ended with ${how}: ${child.output}`)));
  });

/** Resolves with the process, the URL of its page, and where its health server listens. */
export const startWeb = async (processes) => {
  const { url } = await processes.redis();
  const env = { REDIS_URL: url, SG_SUPERVISED: "1", SG_LOG_LEVEL: "error", SG_TOKEN: "", SG_INSTANCE_ID: "web-of-sight" };
  const child = processes.fork(program, { env, execArgv: ["--expose-gc"] });
  const listening = (wanted) => messageFrom(child, ({ type, name }) => type === "listening" && name === wanted);
  const [{ host, port }, health] = await Promise.all([listening("http"), listening("health")]);
  return { child, url: `http://${host}:${port}/`, health };
};

/** A tab of a Chromium of its own, which runs `script` before each page. `close` ends the browser. */
export const openTab = async (script, given) => {
  const browser = await chromium.launch({ executablePath, args });
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  await page.addInitScript(script, given);
  return { page, context, close: () => browser.close() };
};
