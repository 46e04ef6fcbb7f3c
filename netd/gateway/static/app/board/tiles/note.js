/** A tile with text: line breaks, `code`, and [[board]] for a link to another board. */

import { h } from "../../dom.js";
import { visible } from "../../format.js";
import { NAME } from "../model.js";

const LINKS = /\[\[([^\][]{1,63})\]\]/;

/** *line* with its links and code as elements. @param {string} line @returns {any[]} */
function marked(line) {
  return line.split("`").map((part, index) => (index % 2 ? h("code", {}, visible(part)) : linked(part)));
}

const linked = (text) =>
  text
    .split(LINKS)
    .map((part, index) => (index % 2 && NAME.test(part) ? h("a", { href: `#/board/${part}` }, part) : visible(part)));

/** @param {import("../model.js").Tile} tile */
export function note({ text = "" }) {
  const lines = String(text).split("\n");
  const parts = lines.flatMap((line, index) => (index ? [h("br"), ...marked(line)] : marked(line)));
  return { title: () => "", body: h("p.tile-text", { testid: "note" }, parts) };
}
