/** The SVG elements that every picture is made of, and the shapes of notes and legend. */
import type { Note, Rect, Shape } from "./layout.ts";
import { px } from "./path.ts";

const signs: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
export const escapeXml = (content: string): string => content.replace(/[&<>"]/g, (sign) => signs[sign]!);

export const rect = ({ x, y, width, height }: Rect, radius: number, className = ""): string =>
  `<rect${className && ` class="${className}"`} x="${px(x)}" y="${px(y)}" width="${px(width)}" height="${px(height)}" rx="${radius}"/>`;

/** `y` is the baseline. */
export const text = (x: number, y: number, className: string, content: string): string =>
  `<text class="${className}" x="${px(x)}" y="${px(y)}">${escapeXml(content)}</text>`;

export const circle = (x: number, y: number, radius: number, className: string): string =>
  `<circle class="${className}" cx="${px(x)}" cy="${px(y)}" r="${radius}"/>`;

/** A tooltip; empty without content. */
export const titled = (content: string | undefined): string => (content ? `<title>${escapeXml(content)}</title>` : "");

/** The shapes before a note; drawn, because fonts differ in such signs. */
export const noteMarks: Readonly<Record<Note["mark"], (x: number, y: number) => string>> = {
  invokes: (x, y) => `<path class="mark" d="M${px(x)} ${px(y - 8.5)}l8 4.5l-8 4.5z"/>`,
  begins: (x, y) => `<path class="mark" d="M${px(x + 4.5)} ${px(y - 8.5)}l4.5 4.5l-4.5 4.5l-4.5-4.5z"/>`,
  ends: (x, y) => `<path class="mark hollow" d="M${px(x + 4.5)} ${px(y - 8)}l4 4l-4 4l-4-4z"/>`,
  reacts: (x, y) => `<path class="mark hollow" d="M${px(x + 7.5)} ${px(y - 6.5)}a4 4 0 1 0 1 3.5m-1-6.5v3h-3"/>`,
};

const sample = (x: number, y: number): Rect => ({ x, y: y - 10, width: 22, height: 13 });
const kind = (name: string) => (x: number, y: number) => circle(x + 4, y - 4, 4, name);
const state = (className: string) => (x: number, y: number) => `<g class="${className}">${rect(sample(x, y), 4)}</g>`;

/** The shapes of the legend, in front of a text whose baseline is `y`. */
export const legendMarks: Readonly<Record<Shape, (x: number, y: number) => string>> = {
  ...noteMarks,
  command: kind("command"),
  fact: kind("fact"),
  done: kind("done"),
  error: kind("error"),
  deadline: kind("deadline"),
  always: kind("always"),
  initial: (x, y) => circle(x + 4, y - 4, 4, "dot"),
  ready: state("state ready"),
  final: (x, y) =>
    `<g class="state final">${rect(sample(x, y), 4)}${rect({ x: x + 2.5, y: y - 7.5, width: 17, height: 8 }, 2.5, "inner")}</g>`,
  any: state("state any"),
  parallel: state("state frame region"),
  rail: (x, y) => `<g class="rail"><path d="M${px(x + 2)} ${px(y - 4)}h18"/></g>`,
  child: (x, y) => `<g class="line child"><path d="M${px(x)} ${px(y - 4)}h22"/></g>`,
};
