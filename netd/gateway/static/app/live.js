/** Two ways to follow netd: polling an operation, and subscribing to events. Both end with the page. */

import { NOT_PERMITTED } from "../netd.js";
import { identity, isLive, netd, state } from "./connection.js";
import { audible, inaudible, missing, unanswered } from "./rights.js";
import { computed, effect, onCleanup, signal } from "./signal.js";

/** After a slow answer, the pause is this many times as long as the answer took. */
const RESPITE = 20;

/** @template T @typedef {import("./signal.js").Readable<T>} Readable */

/**
 * @typedef {object} Resource
 * @property {Readable<any>} answer the newest answer; null before the first.
 * @property {Readable<string>} error why the last call failed; "" where it did not.
 * @property {Readable<string>} refusal why the user may not call it; "" where they may.
 * @property {() => import("./denial.js").Denial|null} [lacks] what is missing, where they may not.
 * @property {Readable<number>} loaded when the answer came, in milliseconds since the epoch; 0 before.
 * @property {() => string} [absence] why the node of its service cannot be asked; "" where it can.
 * @property {() => Promise<void>} refresh calls it now.
 */

/**
 * Call *method* of a service every few seconds while the tab is visible, and at once when another service is chosen or the tab is
 * shown again.
 *
 * @param {string} method
 * @param {import("./instances.js").Instance} instance
 * @param {number} seconds
 * @param {object} [more] further arguments.
 * @returns {Resource}
 */
export function polled(method, instance, seconds, more = {}) {
  const refused = signal("");
  const told = signal(/** @type {import("./denial.js").Denial|null} */ (null));
  const refusal = computed(() => unanswered(method, instance.name.value) || refused.value);
  const resource = {
    answer: signal(/** @type {any} */ (null)),
    error: signal(""),
    refusal,
    lacks: () => (unanswered(method, instance.name.value) ? missing(method, instance.name.value) : told.value),
    loaded: signal(0),
    absence: instance.absence,
    refresh: async () => {},
  };
  let isOver = false;
  let timer = 0;
  let latest = 0;

  resource.refresh = async () => {
    clearTimeout(timer);
    const asked = instance.params();
    if (asked === null || isOver || refusal.peek()) return;
    const turn = ++latest;
    const began = performance.now();
    try {
      if (state.peek().name === "live" && !document.hidden) {
        const answer = await netd.call(method, { ...asked, ...more });
        if (isOver || turn !== latest) return;
        resource.answer.value = answer;
        resource.loaded.value = Date.now();
        resource.error.value = "";
      }
    } catch (error) {
      if (turn === latest && error.code === NOT_PERMITTED) {
        refused.value = error.message;
        told.value = error.data?.remedy ? error.data : null;
      } else if (turn === latest && error.code !== "disconnected") resource.error.value = error.message;
    }
    const took = performance.now() - began;
    if (!isOver && turn === latest) timer = setTimeout(resource.refresh, Math.max(seconds * 1000, RESPITE * took));
  };

  let before = "";
  effect(() => {
    const asked = `${identity.value} ${instance.params()?.instance}`;
    if (before !== "" && asked !== before) {
      resource.answer.value = null;
      refused.value = "";
      told.value = null;
    }
    before = asked;
    if (isLive.value) resource.refresh();
  });
  const seen = () => document.hidden || resource.refresh();
  document.addEventListener("visibilitychange", seen);
  onCleanup(() => {
    isOver = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", seen);
  });
  return resource;
}

/**
 * Subscribe to *pattern*, as far as the token covers it, and again whenever the pattern changes.
 *
 * @param {() => string|null} pattern null for none.
 * @param {object} options see Netd.subscribe.
 * @param {(event: import("../netd.js").BusEvent) => void} onEvent
 * @returns {{lost: Readable<number>, error: Readable<string>, refusal: Readable<string>}} how many events were lost because the
 *   browser read too slowly, why netd refused the subscription, and why the token does not cover it.
 */
export function told(pattern, options, onEvent) {
  const lost = signal(0);
  const error = signal("");
  const refusal = computed(() => (identity.value === "" || pattern() === null ? "" : inaudible(pattern())));
  effect(() => {
    const wanted = pattern();
    error.value = "";
    if (wanted === null || identity.value === "") return;
    const onDropped = (notice) => (lost.value += notice.count);
    const onError = (refused) => (error.value = refused.message);
    const subscriptions = audible(wanted).map((part) => netd.subscribe(part, { ...options, onDropped, onError }, onEvent));
    onCleanup(() => subscriptions.forEach((one) => one.close()));
  });
  return { lost, error, refusal };
}

/** The longest pause of `settled`, in milliseconds. */
const BUSY = 1000;

/**
 * Make *act* safe to call for each event: it runs at once, and again after a pause if it was called meanwhile. The pause grows from
 * *milliseconds* to a second while events go on. It does not wait for silence, because a busy netd is never silent.
 *
 * @param {() => Promise<void>|void} act never runs twice at a time.
 * @param {number} milliseconds @returns {() => Promise<void>}
 */
export function settled(act, milliseconds) {
  let isRunning = false;
  let isAsked = false;
  let isOver = false;
  onCleanup(() => (isOver = true));
  return async () => {
    isAsked = true;
    if (isRunning) return;
    isRunning = true;
    for (let pause = milliseconds; isAsked && !isOver; pause = Math.min(BUSY, 2 * pause)) {
      isAsked = false;
      await act();
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
    isRunning = false;
  };
}

/**
 * A list of the newest *most* items, newest first. Each item gets a key.
 * @template [T=any] @param {number} most
 */
export function recent(most) {
  const items = signal(/** @type {(T & {key: number})[]} */ ([]));
  let last = 0;
  const keyed = (item) => ({ key: ++last, ...item });
  return {
    get value() {
      return items.value;
    },
    /** @param {T} newest */
    add(newest) {
      items.value = [keyed(newest), ...items.peek()].slice(0, most);
    },
    /** Replace all items. Items that have a key keep it. @param {T[]} others */
    replace(others) {
      items.value = others.slice(0, most).map(keyed);
    },
    clear() {
      items.value = [];
    },
  };
}
