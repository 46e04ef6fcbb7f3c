/** What stands above a long list: a field to search it, and its states with their counts. */

import { each, h } from "../dom.js";
import { count, visible } from "../format.js";
import { hurry, onCleanup } from "../signal.js";

/**
 * A field to search a list; "/" goes there from anywhere on the page.
 * @param {import("../signal.js").Writable<string>} query @param {string} placeholder @param {string} testid
 */
export function searchField(query, placeholder, testid) {
  const input = h("input.search", {
    type: "search",
    testid,
    "aria-label": "Search",
    "aria-keyshortcuts": "/",
    placeholder,
    title: `Press / to search: ${placeholder}`,
    spellcheck: "false",
    autocapitalize: "none",
    value: () => query.value,
    oninput: (event) => {
      query.value = event.target.value;
      hurry();
    },
    onkeydown: (event) => {
      if (event.key !== "Escape" || query.peek() === "") return;
      event.preventDefault();
      query.value = "";
    },
  });
  const key = (event) => {
    const isTyping = event.target.closest?.("input, textarea, select, [contenteditable]") !== null;
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping) return;
    event.preventDefault();
    input.focus();
    input.select();
  };
  document.addEventListener("keydown", key);
  onCleanup(() => document.removeEventListener("keydown", key));
  return input;
}

/**
 * The states of a list with their counts; a press shows only those of that state, and another one all.
 * @param {() => [string, number][]} counts @param {import("../signal.js").Writable<string>} chosen
 * @param {(state: string) => string} lookOf @param {string} testid
 */
export function chips(counts, chosen, lookOf, testid) {
  const chip = (item) => {
    const [state] = item.peek();
    return h(
      "button.chip.badge",
      {
        type: "button",
        "data-chip": state,
        "data-state": lookOf(state),
        "aria-pressed": () => String(chosen.value === state),
        onclick: () => (chosen.value = chosen.peek() === state ? "" : state),
      },
      h("span.dot", { "aria-hidden": "true" }),
      h("span", {}, visible(state)),
      h("b", {}, () => count(item.value[1])),
    );
  };
  return h("div.chips", { role: "group", "aria-label": "States", testid }, each(counts, ([state]) => state, chip));
}
