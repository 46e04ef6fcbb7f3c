/** Lists that do not move under the pointer: while somebody points at one, what is new waits, and a button tells how much it is. */

import { h } from "../dom.js";
import { count } from "../format.js";
import { computed, signal } from "../signal.js";

/**
 * @template T
 * @param {object} parts
 * @param {() => T[]} parts.list in the order in which it should be.
 * @param {(item: T) => any} parts.keyOf
 * @param {(item: T) => number} parts.rankOf a smaller one belongs further up.
 * @param {() => string} parts.stamp changes when the user asks for another order or choice, which is then made at once.
 */
export function steady({ list, keyOf, rankOf, stamp }) {
  const [isHeld, turn] = [signal(false), signal(0)];
  /** @type {any[]} */
  let order = [];
  let ranks = new Map();
  let last = "";
  const state = computed(() => {
    const wanted = list();
    const mark = `${stamp()} ${turn.value}`;
    if (!isHeld.value || mark !== last) {
      [order, last] = [wanted.map(keyOf), mark];
      ranks = new Map(wanted.map((one) => [keyOf(one), rankOf(one)]));
      return { items: wanted, news: 0 };
    }
    const there = new Map(wanted.map((one) => [keyOf(one), one]));
    const items = order.flatMap((key) => (there.has(key) ? [/** @type {T} */ (there.get(key))] : []));
    const isNews = (one) => !ranks.has(keyOf(one)) || rankOf(one) < ranks.get(keyOf(one));
    return { items, news: wanted.filter(isNews).length };
  });
  let [isPointed, isFocused] = [false, false];
  const hold = (pointed, focused) => {
    [isPointed, isFocused] = [pointed, focused];
    isHeld.value = pointed || focused;
  };
  /** What the element of the list must have. */
  const attributes = {
    onpointerenter: (event) => hold(event.pointerType === "mouse", isFocused),
    onpointerleave: () => hold(false, isFocused),
    onfocusin: () => hold(isPointed, true),
    onfocusout: () => hold(isPointed, false),
  };
  const news = computed(() => state.value.news);
  const button = h(
    "button.news",
    { type: "button", testid: "news", hidden: () => news.value === 0, onclick: () => (turn.value += 1) },
    () => `${count(news.value)} new ▲`,
  );
  return { items: computed(() => state.value.items), news, attributes, button };
}
