/** The tiles of channels on Overview. Loaded where there are any. */

import { each, h } from "../dom.js";
import { tile } from "./session_tile.js";
import { sessionValues } from "./session_values.js";

/** Seconds between two values of a channel. */
const PACE = 2;

/**
 * @param {import("../instances.js").Instance} instance whose subjects have the values.
 * @param {import("../signal.js").Readable<{session: any, name: string}[]>} channels
 * @param {(session: any) => void} toggle
 * @param {string} [hint] what the keys do.
 */
export function latestTiles(instance, channels, toggle, hint) {
  const patterns = () => [...new Set(channels.value.map(({ session }) => `${session.agent}.*`))];
  const values = sessionValues(instance, () => channels.value.length, patterns, PACE);
  return h(
    "div.tile-grid",
    {},
    each(
      () => channels.value,
      ({ session, name }) => `${session.session} ${name}`,
      (item) => tile(item, values, { isWatched: () => false, toggle, hint }),
    ),
  );
}
