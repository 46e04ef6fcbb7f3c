/** Small plots of single numbers, beside text. Pure, but for the element. */

import { h } from "../dom.js";

const WIDTH = 120;
const HEIGHT = 28;
/** Free space above and below, so that the line is not cut. */
const MARGIN = 2;

/**
 * The line through *points*, from the oldest at the left to the newest at the right.
 * @param {{time: number, value: number|null}[]} points oldest first; null is a gap.
 * @returns {string} the path of an SVG; "" for fewer than two points.
 */
export function lineThrough(points, width = WIDTH, height = HEIGHT) {
  if (points.length < 2) return "";
  const values = points.flatMap(({ value }) => (value === null ? [] : [value]));
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const [begin, end] = [points[0].time, points[points.length - 1].time];
  const room = height - 2 * MARGIN;
  const x = (time) => (end > begin ? ((time - begin) / (end - begin)) * width : width);
  // Halved first: the difference of two large numbers may be infinite.
  const y = (value) => (high > low ? MARGIN + room - ((value / 2 - low / 2) / (high / 2 - low / 2)) * room : height / 2);
  const isJoined = (index) => index > 0 && points[index - 1].value !== null;
  const step = ({ time, value }, index) =>
    value === null ? "" : `${isJoined(index) ? "L" : "M"}${round(x(time))} ${round(y(value))}`;
  return points.map(step).join("");
}

const round = (number) => Number(number.toFixed(1));

/**
 * @param {() => {time: number, value: number|null}[]} read the points, oldest first; null is a gap.
 * @param {() => string} name a sentence for screen readers.
 */
export const sparkline = (read, name) =>
  h(
    "svg:svg.sparkline",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": name },
    h("svg:path", { d: () => lineThrough(read()) }),
  );
