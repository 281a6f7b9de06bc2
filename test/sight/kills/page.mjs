/** What the fleet's page in a real Chromium names of some instances: the release, and the state in which each was last. */
import { openTab, startWeb } from "../page/browser.mjs";

const waitMs = 30_000;

/** Resolves with the release and the state of each by its name, `service:instance`; what the page does not come to name is empty. */
export const readPage = async (processes, lives) => {
  const web = await startWeb(processes);
  const { page, close } = await openTab(() => {});
  const shown = new Map();
  for (const { name, version } of lives) {
    await page.goto(`${web.url}#/${name.replace(":", "/")}`);
    const release = page.locator("#one .id", { hasText: ` ${version} ` });
    const isNamed = await release.waitFor({ timeout: waitMs }).then(
      () => true,
      () => false,
    );
    const label = isNamed ? await page.locator('#one [role="img"]').first().getAttribute("aria-label") : "";
    shown.set(name, { release: isNamed ? version : "", state: label.split(" ").at(-1) });
  }
  await close();
  return shown;
};
