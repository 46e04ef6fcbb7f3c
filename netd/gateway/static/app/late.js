/** Parts of the page that are loaded when they are first shown, as the pages are: most who open the dashboard see none of them. */

import { choice } from "./dom.js";
import { sheet } from "./sheet.js";
import { signal } from "./signal.js";

/**
 * A part: a function that gives its module once that has come, and null before. What reads it is told. The first call loads it.
 * @template T @param {() => Promise<T>} load @param {string} [style] its style sheet. @returns {() => T|null}
 */
export function late(load, style) {
  const loaded = signal(/** @type {T|null} */ (null));
  let isAsked = false;
  return () => {
    if (!isAsked) {
      isAsked = true;
      Promise.all([load(), style === undefined ? null : sheet(style)]).then(
        ([module]) => (loaded.value = module),
        () => (isAsked = false), // netd is away: the part is asked for when it is wanted again
      );
    }
    return loaded.value;
  };
}

const refusal = late(() => import("./denial.js"), "sign_in");

/** What the refusal that *read* gives comes to; nothing while there is none. @param {() => import("./denial.js").Denial|null} read */
export const denial = (read) =>
  choice(
    () => {
      const written = JSON.stringify(read());
      return written === "null" || refusal() === null ? "" : written;
    },
    (written) => (written === "" ? null : (refusal()?.denial(JSON.parse(written)) ?? null)),
  );
