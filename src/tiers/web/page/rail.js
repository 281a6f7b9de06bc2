// @ts-check
/** The rail: which of its tabs is shown, which instance is open, and its place in the address. Only an action of the user moves the focus. */
import { byId, setAttribute, setText } from "../../../http/page/dom.js";
import { rowLinks } from "./deck.js";
import * as fleet from "./fleet.js";
import { showInstance } from "./instance.js";
import { linkTo } from "./row.js";
import { wireWhole } from "./whole-chart.js";

/** @typedef {"one" | "chat"} Tab */

/** The name of the open instance; empty where none is. */
let open = "";
/** @type {Tab} */
let tab = "chat";
/** where the focus was when an instance was opened @type {Element | null} */
let opener = null;
/** @type {(name: string) => void} */
let onOpen = () => {};

/** Calls `listener` with the name of the instance that is open from now on; empty where none is. @param {(name: string) => void} listener */
export const onRail = (listener) => {
  onOpen = listener;
};

/** `service:instance` of a place on the page: `#/inference/inference-4`; empty for another. @param {string} hash */
const nameIn = (hash) => {
  const parts = /^#\/([^/]+)\/([^/]+)$/.exec(hash);
  if (parts === null) return "";
  try {
    return parts.slice(1).map(decodeURIComponent).join(":");
  } catch {
    return "";
  }
};

/** On a phone the rail is a sheet over the fleet. @param {boolean} isOpen */
const showSheet = (isOpen) => {
  byId("rail").classList.toggle("open", isOpen);
  setAttribute(byId("to-fleet"), "aria-pressed", String(!isOpen));
  setAttribute(byId("to-chat"), "aria-pressed", String(isOpen && tab === "chat"));
};

/** @param {Tab} next */
const showTab = (next) => {
  tab = next;
  for (const name of /** @type {const} */ (["one", "chat"])) {
    byId(name).hidden = name !== next;
    setAttribute(byId(`tab-${name}`), "aria-selected", String(name === next));
    byId(`tab-${name}`).tabIndex = name === next ? 0 : -1;
  }
};

/** @param {string} name */
const show = (name) => {
  open = name;
  setText(byId("tab-one"), name.slice(name.indexOf(":") + 1));
  byId("tab-one").hidden = name === "";
  byId("close").hidden = name === "";
  showTab(name === "" ? "chat" : "one");
  showSheet(name !== "");
  byId("close").classList.toggle("hidden", name === "");
  onOpen(name);
  void showInstance(name);
};

/** Opens the instance of that name, as a link to it does. @param {string} name */
export const openInstance = (name) => {
  const row = fleet.rows.get(name);
  if (row !== undefined) location.hash = linkTo(row);
};

/** Closes the open instance and gives the focus back to what opened it. */
export const closeInstance = () => {
  const had = open;
  if (had === "") return showSheet(false);
  const wasInside = byId("rail").contains(document.activeElement) || document.activeElement === document.body;
  history.replaceState(null, "", location.pathname + location.search);
  show("");
  if (!wasInside) return;
  const row = rowLinks().find((link) => link.closest("[data-name]")?.getAttribute("data-name") === had);
  const target = opener?.isConnected === true ? opener : row;
  if (target instanceof HTMLElement) target.focus();
};

/** Shows the chat; with the focus in its field, where its user asked for it by the keyboard. @param {{ withFocus: boolean }} options */
export const showChat = ({ withFocus }) => {
  showTab("chat");
  showSheet(true);
  if (withFocus) byId("text").focus();
};

/** The name of the instance that is open. */
export const openName = () => open;

const follow = () => {
  const name = nameIn(location.hash);
  if (name === open) return;
  opener = document.activeElement;
  show(name);
};

/** Once. */
export const wireRail = () => {
  addEventListener("hashchange", follow);
  byId("tab-one").addEventListener("click", () => showTab("one"));
  byId("tab-chat").addEventListener("click", () => showTab("chat"));
  byId("close").addEventListener("click", closeInstance);
  byId("to-chat").addEventListener("click", () => showChat({ withFocus: false }));
  byId("to-fleet").addEventListener("click", () => {
    if (open !== "" && byId("rail").classList.contains("open")) closeInstance();
    else showSheet(false);
  });
  byId("rail").addEventListener("keydown", ({ key, target }) => {
    const isTab = target === byId("tab-one") || target === byId("tab-chat");
    if (!isTab || open === "" || (key !== "ArrowLeft" && key !== "ArrowRight")) return;
    showTab(tab === "one" ? "chat" : "one");
    byId(`tab-${tab}`).focus();
  });
  wireWhole(() => document.getElementById("whole-open"));
  follow();
};
