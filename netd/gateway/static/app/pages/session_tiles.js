/** Small multiples: a card of each channel, with its newest value and a small curve. */

import { each, h } from "../dom.js";
import { visible } from "../format.js";
import { blocks } from "../lists/blocks.js";
import { computed } from "../signal.js";
import { tile } from "./session_tile.js";
import { grouped, groupOf } from "./session_find.js";

/**
 * @param {object} parts
 * @param {() => {session: any, name: string}[]} parts.channels
 * @param {ReturnType<typeof import("./session_values.js").sessionValues>} parts.values
 * @param {(session: any) => boolean} parts.isWatched
 * @param {(session: any) => void} parts.toggle watches, or watches no longer.
 * @param {string} [parts.hint] what the keys do.
 * @param {Record<string, any>} parts.attributes
 */
export function sessionTiles({ channels, values, isWatched, toggle, hint, attributes }) {
  const groups = computed(() => grouped(channels(), ({ session, name }) => groupOf(session, session.channels?.[name] ?? {})));
  const make = (item) => tile(item, values, { isWatched, toggle, hint });
  return h(
    "div.tiles-view",
    { testid: "session-tiles", role: "group", "aria-label": "Channels", onkeydown: walk, ...attributes },
    each(
      () => groups.value,
      ({ name }) => name,
      (group) =>
        h(
          "section",
          { "aria-label": () => group.value.name || "All channels" },
          h("h3.group", { hidden: () => group.value.name === "" }, () => visible(group.value.name), h("span.hint", {}, () => ` ${group.value.items.length}`)),
          blocks({ list: () => group.value.items, keyOf: ({ session, name }) => `${session.session} ${name}`, make, kind: "tile-grid" }),
        ),
    ),
  );
}

/** Arrows walk from card to card, up and down by rows. */
function walk(event) {
  const all = [...event.currentTarget.querySelectorAll(".mini")];
  const at = all.indexOf(document.activeElement);
  if (at < 0) return;
  const top = all[at].offsetTop;
  const columns = Math.max(1, all.filter((one) => one.offsetTop === top && one.parentElement === all[at].parentElement).length);
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
  const next = step === undefined ? undefined : all[at + step];
  if (next === undefined) return;
  event.preventDefault();
  next.focus();
}
