/** A long list in blocks: only the items of blocks in view exist, and have effects. The others keep their place. */

import { each, h } from "../dom.js";
import { effect, onCleanup, scope } from "../signal.js";
import { sight } from "./sight.js";

/** Items of a block: whole rows of two to six columns. */
const SIZE = 60;

/**
 * @template T
 * @param {object} parts
 * @param {() => T[]} parts.list
 * @param {(item: T) => any} parts.keyOf
 * @param {(item: import("../signal.js").Readable<T>) => Element} parts.make
 * @param {string} parts.kind classes of each block.
 */
export function blocks({ list, keyOf, make, kind }) {
  const numbers = () => Array.from({ length: Math.ceil(list().length / SIZE) }, (_, index) => index);
  const block = (item) => {
    const index = item.peek();
    const element = h("div.block", { class: kind, role: "presentation" });
    const isSeen = sight(element);
    /** @type {(() => void)|null} */
    let end = null;
    const leave = () => {
      end?.();
      end = null;
      element.replaceChildren();
    };
    effect(() => {
      if (isSeen.value && end === null) {
        const [made, over] = scope(() => each(() => list().slice(index * SIZE, (index + 1) * SIZE), keyOf, make));
        end = over;
        element.replaceChildren(made);
        element.classList.remove("away");
      } else if (!isSeen.value && end !== null) {
        element.style.setProperty("--height", `${element.offsetHeight}px`);
        element.classList.add("away");
        leave();
      }
    });
    return { element, leave };
  };
  return each(
    numbers,
    (index) => index,
    (item) => {
      const { element, leave } = block(item);
      onCleanup(leave);
      return element;
    },
  );
}
