/** In which time zone times are shown: the browser's, netd's, or UTC. Kept for the next visit. */

import { status } from "./connection.js";
import { computed, signal } from "./signal.js";

const KEY = "netd.zone";

/** The choices. @type {[string, string][]} */
export const ZONES = [
  ["browser", "Browser"],
  ["daemon", "netd"],
  ["UTC", "UTC"],
];

const browser = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Which one is chosen. */
export const chosenZone = signal(localStorage.getItem(KEY) ?? "browser");

export function chooseZone(name) {
  chosenZone.value = name;
  localStorage.setItem(KEY, name);
}

/** Whether *zone* is one that this browser knows. */
function isKnown(zone) {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: zone }).format(0) !== "";
  } catch {
    return false;
  }
}

/** netd's zone; the browser's, where it is not told. */
export const daemonZone = computed(() => {
  const told = status.value?.timezone;
  return typeof told === "string" && isKnown(told) ? told : browser;
});

/** The name of the zone in which times are shown. */
export const zone = computed(() =>
  chosenZone.value === "UTC" ? "UTC" : chosenZone.value === "daemon" ? daemonZone.value : browser,
);
