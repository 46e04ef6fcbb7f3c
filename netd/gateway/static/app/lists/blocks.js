/** A long list in blocks: only the items of blocks in view exist, and have effects. The others keep their place. */

import { each, h } from "../dom.js";
import { effect, onCleanup, scope } from "../signal.js";
import { sight } from "./sight.js";

/** Items of a block, unless somebody says otherwise: whole rows of two to six columns. */
const SIZE = 60;

/**
 * @template T
 * @param {object} parts
 * @param {() => T[]} parts.list
 * @param {(item: T) => any} parts.keyOf
 * @param {(item: import("../signal.js").Readable<T>) => Element} parts.make
 * @param {string} parts.kind classes of each block.
 * @param {number} [parts.size] items of a block.
 */
export function blocks({ list, keyOf, make, kind, size = SIZE }) {
  const numbers = () => Array.from({ length: Math.ceil(list().length / size) }, (_, index) => index);
  const block = (item) => {
    const index = item.peek();
    const element = h("div.block", { class: `away ${kind}`, role: "presentation" });
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
        const [made, over] = scope(() => each(() => list().slice(index * size, (index + 1) * size), keyOf, make));
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
