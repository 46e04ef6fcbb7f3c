/** When the session of this browser ends, and word to netd that a person is here, so that it does not end unused. */

import { hasProof, isLive, netd, now, state } from "./connection.js";
import { effect, signal } from "./signal.js";
import { storedToken } from "./token.js";

/** Seconds between two words to netd. */
const EVERY = 60;

/**
 * When the session ends at the latest, and when if nobody uses it, in seconds since the epoch; null without a session.
 * @type {import("./signal.js").Writable<{latest: number, unused: number}|null>}
 */
export const sessionEnd = signal(null);

let isUsed = false;
let told = 0;

async function tell() {
  if (state.peek().name !== "live" || storedToken() !== null || !hasProof()) return;
  const used = isUsed;
  isUsed = false;
  told = now.peek();
  try {
    const { left, idle_left: idle } = await netd.call("system.session", { used });
    sessionEnd.value = { latest: now.peek() + left, unused: now.peek() + idle };
  } catch {
    sessionEnd.value = null; // no session is needed any more, or it has just ended
  }
}

/** Begin to follow the session. */
export function keepPresence() {
  const note = () => {
    isUsed = true;
  };
  for (const kind of ["pointerdown", "keydown", "wheel"]) addEventListener(kind, note, { capture: true, passive: true });
  effect(() => {
    if (isLive.value) tell();
    else sessionEnd.value = null;
  });
  effect(() => {
    if (now.value - told >= EVERY && isUsed) tell();
  });
}
