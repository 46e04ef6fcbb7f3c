/** Which elements are in view, or nearly. */

import { onCleanup, signal } from "../signal.js";

/** @type {WeakMap<Element, import("../signal.js").Writable<boolean>>} */
const watched = new WeakMap();
const observer = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      const isSeen = watched.get(target);
      if (isSeen !== undefined) isSeen.value = isIntersecting;
    }
  },
  { rootMargin: "300px" },
);

/** Whether *element* is in view, until the page or effect that asks ends. @param {Element} element */
export function sight(element) {
  const isSeen = signal(false);
  watched.set(element, isSeen);
  observer.observe(element);
  onCleanup(() => observer.unobserve(element));
  return isSeen;
}
