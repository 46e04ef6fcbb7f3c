/** A long list in blocks: only the items of blocks in view exist, and have effects. The others keep their place. */

import { each, h } from "../dom.js";
import { effect, onCleanup, scope, signal } from "../signal.js";
import { sight } from "./sight.js";

/** Items of a block, unless somebody says otherwise: whole rows of two to six columns. */
const SIZE = 60;
/** Of so many new items, those of the first block come at once, and all others behind them: somebody waits for what they have typed. */
const AT_ONCE = 30;

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
        const own = () => list().slice(index * size, (index + 1) * size);
        const [made, over] = scope(() => each(inTwoSteps(own, keyOf, index === 0 ? AT_ONCE : 0), keyOf, make));
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

/**
 * The items of *own*; where many of them were not there before, only the first *few*, and the others with the next update.
 * @template T @param {() => T[]} own @param {(item: T) => any} keyOf @param {number} few @returns {() => T[]}
 */
function inTwoSteps(own, keyOf, few) {
  const step = signal(0);
  /** @type {Set<any>|null} */
  let before = null;
  let isSecond = false;
  let timer = 0;
  onCleanup(() => clearTimeout(timer));
  const second = () => {
    isSecond = true;
    step.value += 1;
  };
  return () => {
    void step.value;
    const all = own();
    const known = before;
    const isMuch = known !== null && !isSecond && all.filter((item) => !known.has(keyOf(item))).length > AT_ONCE;
    clearTimeout(timer);
    if (isMuch) timer = setTimeout(second);
    isSecond = false;
    const items = isMuch ? all.slice(0, few) : all;
    before = new Set(items.map(keyOf));
    return items;
  };
}
