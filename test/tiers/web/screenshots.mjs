#!/usr/bin/env node
// Takes the pictures of the fleet's page: node test/tiers/web/screenshots.mjs. Needs a Chromium, and Node >= 22.18, which runs TypeScript.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { Scene, serveScene } from "../../kit/fleet-scene.ts";
import { many, sceneOverview, thirty } from "../../kit/fleet-scenes.ts";

const folder = fileURLToPath(new URL("../../../visualizations/", import.meta.url));
const args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args });
const desk = { viewport: { width: 1280, height: 860 } };

/** The picture of a scene, with an instance open where one is named. */
const take = async (name, rows, { open = "", ...context }) => {
  const scene = new Scene();
  scene.put(...rows);
  const server = await serveScene(scene);
  server.put({ type: "overview", overview: sceneOverview });
  const page = await (await browser.newContext({ reducedMotion: "reduce", ...context })).newPage();
  await page.goto(`${server.url}${open === "" ? "" : `#/${open}`}`);
  await page.locator("#verdict:visible").waitFor();
  if (open !== "") await page.locator("#one .life").waitFor();
  await page.screenshot({ path: join(folder, `fleet-${name}.png`) });
  await page.context().close();
  await server.close();
};

const now = Date.now();
await take("light", thirty(now), { ...desk, colorScheme: "light", open: "inference/inference-4" });
await take("dark", many(now, 500), { ...desk, colorScheme: "dark" });
await take("phone", thirty(now), { viewport: { width: 390, height: 844 }, colorScheme: "light" });
await browser.close();
