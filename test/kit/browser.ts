/** A real Chromium, where there is one, and a page that remembers what went wrong in it. */
import { existsSync } from "node:fs";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { chromium } from "playwright-core";

const executable = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((file) => existsSync(file));

/** Listens on loopback only, for the test. */
const args = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Undefined where the machine has no browser; a warning then names the tests that are left out, and why. */
export const launchBrowser = async (leftOut: string): Promise<Browser | undefined> => {
  if (executable !== undefined) return chromium.launch({ executablePath: executable, args });
  console.warn(`left out, because no Chromium is at hand (npm run setup -- --browser): ${leftOut}`);
  return undefined;
};

export interface WatchedPage {
  readonly page: Page;
  /** console errors, uncaught errors and violations of the content security policy, in order */
  readonly troubles: string[];
}

export const openPage = async (browser: Browser, options: BrowserContextOptions = {}): Promise<WatchedPage> => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const troubles: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") troubles.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => troubles.push(`error: ${error.message}`));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
      console.error(`policy: ${violatedDirective} ${blockedURI}`),
    );
  });
  return { page, troubles };
};
