/** What is seen as a file: a table of values, or a picture. */

import { hasProof } from "../connection.js";
import { recorder } from "../recorder.js";
import { timeWritten } from "../said_times.js";
import { withTicket } from "../session.js";
import { palette } from "../themes.js";
import { storedToken } from "../token.js";
import { zone } from "../zones.js";

/** Pixels around and above each plot in a picture. */
const MARGIN = 16;
const TITLE = 22;

/** @typedef {import("../plots/zoom.js").Span} Span */

/** The address of the values as CSV. @param {string[]} subjects @param {Span} span */
export function csvAddress(subjects, { from, to }) {
  const query = new URLSearchParams(subjects.map((subject) => ["pattern", subject]));
  query.set("begin", from.toFixed(6));
  query.set("end", to.toFixed(6));
  const instance = recorder.option();
  if (instance !== null) query.set("instance", instance);
  return `history.csv?${query}`;
}

function save(href, name) {
  const link = Object.assign(document.createElement("a"), { href, download: name });
  link.click();
}

/** Download the values: the browser writes them to the disk as they come. */
export async function saveCsv(subjects, span) {
  const address = csvAddress(subjects, span);
  const name = `${subjects.length === 1 ? subjects[0] : "netd"} ${fileTime(span)}.csv`;
  save(hasProof() ? await withTicket(address, storedToken()) : address, name);
}

const fileTime = ({ from }) => timeWritten(from, zone.peek()).replaceAll(":", "-");

function saveBlob(blob, name) {
  const href = URL.createObjectURL(blob);
  save(href, name);
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}

/** Download the plots of *cards* as one picture. @param {Element[]} cards @param {Span} span */
export function savePicture(cards, span) {
  const ratio = devicePixelRatio;
  const parts = cards.flatMap((card) =>
    [...card.querySelectorAll("canvas")].map((canvas, index) => ({
      canvas,
      title: index ? "" : (card.getAttribute("aria-label") ?? ""),
    })),
  );
  const width = Math.max(...parts.map(({ canvas }) => canvas.width)) + 2 * MARGIN * ratio;
  const height = parts.reduce((total, { canvas }) => total + canvas.height + TITLE * ratio, 2 * MARGIN * ratio);
  const sheet = Object.assign(document.createElement("canvas"), { width, height });
  const context = sheet.getContext("2d");
  if (context === null || parts.length === 0) return;
  context.fillStyle = palette.peek().panel;
  context.fillRect(0, 0, width, height);
  context.fillStyle = palette.peek().text;
  context.font = `600 ${13 * ratio}px system-ui, sans-serif`;
  let y = MARGIN * ratio;
  for (const { canvas, title } of parts) {
    context.fillText(title, MARGIN * ratio, y + 14 * ratio);
    y += TITLE * ratio;
    context.drawImage(canvas, MARGIN * ratio, y);
    y += canvas.height;
  }
  sheet.toBlob((blob) => blob !== null && saveBlob(blob, `netd ${fileTime(span)}.png`));
}
