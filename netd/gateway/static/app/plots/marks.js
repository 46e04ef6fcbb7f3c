/** Marks on the time axis of a plot: a thin line over its height, with a word at its head or foot. */

import { palette } from "../themes.js";

/** Pixels: the height of a line of words, and the distance between a word and its mark. */
const LINE = 12;
const ASIDE = 4;
/** How many lines of words there are at the head of a plot. A word that fits into none is left out. */
const LINES = 3;

/**
 * @typedef {{time: number, kind: "ok"|"gone"|"trouble"|"before", word: string}} Mark `before`
 *   speaks of the time to its left, and is fainter.
 */

/**
 * Lines for the words of marks, so that no two overlap: from left to right, each word goes into the first free line.
 *
 * @param {{x: number, width: number, isLeft: boolean}[]} words in the order of x; `isLeft`: the word ends at x.
 * @param {number} lines how many lines there are.
 * @returns {(number|null)[]} the line of each word, from 0; null where no line is free.
 */
export function linesOf(words, lines) {
  const ends = new Array(lines).fill(-Infinity);
  return words.map(({ x, width, isLeft }) => {
    const begin = isLeft ? x - width : x;
    const line = ends.findIndex((end) => end <= begin);
    if (line < 0) return null;
    ends[line] = begin + width;
    return line;
  });
}

/** Draw those of *marks* that are in view. @param {any} u a uPlot. @param {Mark[]} marks */
export function drawMarks(u, marks) {
  const { ctx, bbox } = u;
  const ratio = devicePixelRatio;
  const { min, max } = u.scales.x;
  ctx.save();
  ctx.font = `${10 * ratio}px system-ui, sans-serif`;
  ctx.lineWidth = ratio;
  ctx.setLineDash([3 * ratio, 3 * ratio]);
  const seen = marks.filter(({ time }) => time >= min && time <= max).sort((one, other) => one.time - other.time);
  const words = seen.map((mark) => {
    const x = Math.round(u.valToPos(mark.time, "x", true)) + 0.5;
    const width = ctx.measureText(mark.word).width + 2 * ASIDE * ratio;
    const isBefore = mark.kind === "before";
    const isLeft = isBefore ? x - width > bbox.left : x + width > bbox.left + bbox.width;
    return { ...mark, x, width, isLeft, isBefore };
  });
  const atHead = words.filter(({ isBefore }) => !isBefore);
  const lines = new Map(linesOf(atHead, LINES).map((line, index) => [atHead[index], line]));
  for (const word of words) drawMark(ctx, bbox, ratio, word, lines.get(word));
  ctx.restore();
}

function drawMark(ctx, bbox, ratio, { x, kind, word, isLeft, isBefore }, line) {
  ctx.fillStyle = palette.peek()[kind] ?? palette.peek().muted;
  ctx.strokeStyle = isBefore ? palette.peek().line : ctx.fillStyle;
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  if (line === null) return;
  ctx.textAlign = isLeft ? "right" : "left";
  const y = isBefore ? bbox.top + bbox.height - 5 * ratio : bbox.top + (9 + LINE * line) * ratio;
  ctx.fillText(word, x + (isLeft ? -ASIDE : ASIDE) * ratio, y);
}
