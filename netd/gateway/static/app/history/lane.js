/** The lane of marks above the plots: runs as bars, everything else as signs; those that are too near to each other as a number. */

import { h, each } from "../dom.js";
import { excerpt } from "../format.js";
import { sizesFor } from "../plots/figure.js";
import { computed, effect, onCleanup, signal } from "../signal.js";
import { timeWritten } from "../said_times.js";
import { zone } from "../zones.js";
import { clustered } from "./figures.js";

/** Pixels: nearer marks become one. */
const NEAR = 22;
const EXCERPT = 120;
/** Milliseconds between two looks at the window while time goes on. */
const BEAT = 250;

/** @type {Record<string, string>} */
export const SIGNS = { run: "▬", note: "✎", command: "▸", connect: "●", gone: "○", alert: "!" };

/** @param {import("./figures.js").Happening} one */
export const inWords = ({ time, word, who }) =>
  `${timeWritten(time, zone.peek())} ${excerpt(word, EXCERPT)}${who ? ` (${excerpt(who, EXCERPT)})` : ""}`;

/**
 * @param {import("../plots/view.js").View} view
 * @param {import("../signal.js").Readable<import("./figures.js").Happening[]>} happened
 * @param {() => boolean} isWide whether the plots have room for two axes.
 */
export function lane(view, happened, isWide) {
  const whole = signal(0);
  const width = computed(() => {
    const { yAxis, right } = sizesFor(1, isWide());
    return whole.value - yAxis - right;
  });
  const span = signal(view.read());
  const element = h("div.mark-lane", { testid: "mark-lane", role: "group", "aria-label": "What happened" });
  const sizes = new ResizeObserver(([entry]) => (whole.value = entry.contentRect.width));
  sizes.observe(element);
  const look = () => (span.value = view.read());
  const beat = setInterval(() => view.isLive.peek() && look(), BEAT);
  const end = view.watch(look);
  onCleanup(() => {
    sizes.disconnect();
    clearInterval(beat);
    end();
  });
  const x = (time) => ((time - span.value.from) / (span.value.to - span.value.from)) * width.value;
  const seen = () => happened.value.filter((one) => one.time < span.value.to && (one.until ?? one.time) > span.value.from);
  const bars = () => seen().filter((one) => one.until !== null);
  const groups = () => clustered(seen(), x, NEAR);
  element.append(
    each(
      bars,
      (one) => `${one.kind} ${one.time}`,
      (item) => bar(item, x, width, view),
    ),
    each(
      groups,
      ({ all: [first] }) => `${first.kind} ${first.time} ${first.word}`,
      (item) => sign(item, view),
    ),
  );
  return element;
}

/** Keep an element where *read* says. Styles cannot stand in attributes here. */
function placed(element, read) {
  effect(() => {
    for (const [name, pixels] of Object.entries(read())) element.style.setProperty(`--${name}`, `${pixels.toFixed(1)}px`);
  });
  return element;
}

function bar(item, x, width, view) {
  const { kind } = item.peek();
  const go = () => view.go({ from: item.peek().time, to: Math.max(item.peek().time + 1, item.peek().until) });
  const at = () => {
    const left = Math.max(0, x(item.value.time));
    return { left, width: Math.max(4, Math.min(width.value, x(item.value.until)) - left) };
  };
  const attributes = { type: "button", "data-kind": kind, title: () => inWords(item.value), onclick: go };
  return placed(
    h(
      "button.mark-bar",
      attributes,
      h("span", {}, () => excerpt(item.value.word, EXCERPT)),
    ),
    at,
  );
}

function sign(item, view) {
  const all = () => item.value.all;
  const go = () => {
    const { from, to } = view.read();
    const middle = all().reduce((total, one) => total + one.time / all().length, 0);
    const part = all().length > 1 ? 0.1 : 0.5;
    view.go({ from: middle - (to - from) * part, to: middle + (to - from) * part });
  };
  const words = () => all().map(inWords).join("\n");
  const attributes = {
    type: "button",
    "data-kind": () => (all().length > 1 ? "several" : all()[0].kind),
    title: words,
    "aria-label": () => (all().length > 1 ? `${all().length} marks: ${words()}` : words()),
    onclick: go,
  };
  const text = () => (all().length > 1 ? String(all().length) : SIGNS[all()[0].kind]);
  return placed(h("button.mark-sign", attributes, text), () => ({ left: item.value.x }));
}
