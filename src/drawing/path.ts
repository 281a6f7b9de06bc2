/** Rounded orthogonal lines and their heads. */
import type { Point } from "./layout.ts";

const radius = 9;

/** A number in as few characters as a picture needs. */
export const px = (value: number): string => Number(value.toFixed(1)).toString();

const distance = (one: Point, two: Point): number => Math.hypot(two[0] - one[0], two[1] - one[1]);
/** `length` along the way from `from` to `to` */
const along = (from: Point, to: Point, length: number): Point => {
  const share = length / (distance(from, to) || 1);
  return [from[0] + (to[0] - from[0]) * share, from[1] + (to[1] - from[1]) * share];
};
const show = ([x, y]: Point): string => `${px(x)} ${px(y)}`;

/** `headRoom`: how far before its end the line stops, so that it does not show through the head's tip. */
export const pathOf = (points: readonly Point[], headRoom: number): string => {
  const last = points.at(-1)!;
  const end = along(last, points.at(-2)!, headRoom);
  const inner = points.slice(1, -1).map((corner, index) => {
    const [before, after] = [points[index]!, points[index + 2]!];
    const bend = Math.min(radius, distance(before, corner) / 2, distance(corner, after) / 2);
    return `L${show(along(corner, before, bend))}Q${show(corner)} ${show(along(corner, after, bend))}`;
  });
  return `M${show(points[0]!)}${inner.join("")}L${show(end)}`;
};

/** A triangle with its tip at the line's end. */
export const headOf = (points: readonly Point[], length: number): string => {
  const tip = points.at(-1)!;
  const base = along(tip, points.at(-2)!, length);
  const [dx, dy] = [((tip[0] - base[0]) / length) * 0.46 * length, ((tip[1] - base[1]) / length) * 0.46 * length];
  return `M${show(tip)}L${show([base[0] - dy, base[1] + dx])}L${show([base[0] + dy, base[1] - dx])}z`;
};
