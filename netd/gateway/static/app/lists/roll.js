/**
 * A list that netd gives by the page, and that events then keep up to date: it is asked for again after a gap only. What a page
 * costs netd thus does not grow with the number of pages that are open.
 */

import { NOT_PERMITTED } from "../../netd.js";
import { identity, isLive, netd, starts } from "../connection.js";
import { told } from "../live.js";
import { unanswered } from "../rights.js";
import { computed, effect, onCleanup, signal } from "../signal.js";

/** Rows that are asked for at a time, and that are kept at most. */
const PAGE = 250;
const MOST = 5000;
/** Milliseconds until a question that failed is put again. */
const AGAIN = 4000;

/** @template T @typedef {import("../signal.js").Readable<T>} Readable */

/**
 * @typedef {object} Roll
 * @property {Readable<Map<any, any>>} rows by key, in netd's order.
 * @property {Readable<Map<any, any>|null>} answer the same; null before the first answer.
 * @property {Readable<string>} error why the last question failed; "" where it did not.
 * @property {Readable<string>} refusal why the user may not ask; "" where they may. The rows then come from events alone.
 * @property {Readable<number>} loaded when the last answer came, in milliseconds since the epoch; 0 before.
 * @property {() => string} [absence] why its node cannot be asked; "" where it can.
 * @property {() => Promise<void>} refresh asks now.
 */

/**
 * @param {object} parts
 * @param {string|(() => string)} parts.method of the operation that gives the list.
 * @param {import("../instances.js").Instance} parts.instance
 * @param {(row: any) => any} parts.keyOf
 * @param {[string, (rows: Map<any, any>, event: import("../../netd.js").BusEvent) => void][]} parts.events the ends of the patterns
 *   whose events change the list; each with what changes a copy of it. Events may be older than the list.
 * @returns {Roll}
 */
export function roll({ method, instance, keyOf, events }) {
  const asks = typeof method === "function" ? method : () => method;
  const refused = signal("");
  const refusal = computed(() => unanswered(asks(), instance.name.value) || refused.value);
  const rows = signal(/** @type {Map<any, any>} */ (new Map()));
  const hasAnswer = signal(false);
  const [error, loaded] = [signal(""), signal(0)];
  /** Events since the question, which its answer may not know of. @type {((rows: Map<any, any>) => void)[]} */
  let since = [];
  let [turn, timer, isOver] = [0, 0, false];

  const change = (act) => {
    if (turn !== 0) since.push(act);
    pending.push(act);
    if (pending.length === 1) queueMicrotask(settle);
  };
  /** The changes of one message are one change of the list. @type {((rows: Map<any, any>) => void)[]} */
  const pending = [];
  const settle = () => {
    const next = new Map(rows.peek());
    for (const act of pending.splice(0)) act(next);
    rows.value = next;
  };
  const put = (found) => {
    const next = new Map(found.map((row) => [keyOf(row), row]));
    for (const act of since) act(next);
    since = [];
    rows.value = next;
    hasAnswer.value = true;
    loaded.value = Date.now();
    error.value = "";
  };
  const refresh = async () => {
    clearTimeout(timer);
    if (instance.params() === null || isOver || refusal.peek() || !isLive.peek()) return;
    const own = Date.now() + Math.random();
    [turn, since] = [own, []];
    try {
      const found = await askAll(asks(), instance, () => turn === own && !isOver);
      if (found !== null) put(found);
    } catch (failure) {
      if (turn !== own || isOver) return;
      if (failure.code === NOT_PERMITTED) refused.value = failure.message;
      else if (failure.code !== "disconnected") error.value = failure.message;
      timer = setTimeout(refresh, AGAIN);
    }
    if (turn === own) turn = 0;
  };

  const asked = computed(() => `${identity.value} ${asks()} ${instance.name.value} ${starts.value}`);
  effect(() => {
    void asked.value;
    hasAnswer.value = false;
    refused.value = "";
    rows.value = new Map();
  });
  effect(() => {
    const isAlone = refusal.value !== ""; // the newest event of each subject is all that there is then
    for (const [end, take] of events) {
      const heard = told(
        () => instance.subject(end),
        isAlone ? { replay: 1 } : { onGap: () => refresh() },
        (event) => (event.isNew || isAlone) && change((next) => take(next, event)),
      );
      effect(() => void (heard.lost.value > 0 && refresh()));
    }
  });
  effect(() => {
    void asked.value;
    if (isLive.value && !refusal.value) refresh();
  });
  onCleanup(() => {
    isOver = true;
    clearTimeout(timer);
  });
  const answer = computed(() => (hasAnswer.value ? rows.value : null));
  return { rows, answer, error, refusal, loaded, absence: instance.absence, refresh };
}

/** All rows of a list, page after page; null where nobody wants them any more. */
async function askAll(method, instance, isWanted) {
  const found = [];
  for (let after = null; ; ) {
    const page = await netd.call(method, instance.params({ limit: PAGE, ...(after === null ? {} : { after }) }));
    if (!isWanted()) return null;
    found.push(...page.rows);
    after = page.after;
    if (after === null || found.length >= MOST) return found;
  }
}
