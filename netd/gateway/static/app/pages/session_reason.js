/** The reason for a session's state. */

import { isLive, knownAt } from "../connection.js";
import { duration, visible } from "../format.js";
import { REDIALLED } from "../pages.js";

/** The reason for a session's state, with a count-down to the next attempt. @param {{reason: string, since: number}} session */
export function reasonNow({ reason, since }) {
  const text = reason.replace(REDIALLED, (_, seconds) => {
    if (!isLive.value) return "it was to be dialled again";
    const left = Math.ceil(since + Number(seconds) - knownAt.value);
    return left > 0 ? `it is dialled again in ${duration(left)}` : "it is dialled again now";
  });
  return visible(text);
}
