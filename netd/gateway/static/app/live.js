/** Two ways to know something of netd: to ask now and again, and to be told. Both end with the page that asked. */

import { NOT_PERMITTED } from "../netd.js";
import { identity, isLive, netd, state } from "./connection.js";
import { audible, inaudible, unanswered } from "./rights.js";
import { computed, effect, onCleanup, signal } from "./signal.js";

/** A question that takes long is asked less often: so many times as long passes before the next. */
const RESPITE = 20;

/** @template T @typedef {import("./signal.js").Readable<T>} Readable */

/**
 * @typedef {object} Resource
 * @property {Readable<any>} answer the newest, or null.
 * @property {Readable<string>} error why there is none, or no newer one.
 * @property {Readable<string>} refusal why we may not know it.
 * @property {Readable<number>} loaded when the newest came, milliseconds since the epoch; 0 before.
 * @property {() => Promise<void>} refresh ask now.
 */

/**
 * What *method* of a service gives, asked every few seconds while the tab is seen, and at once when another service is meant, or it
 * is seen again.
 *
 * @param {string} method
 * @param {import("./instances.js").Instance} instance
 * @param {number} seconds
 * @returns {Resource}
 */
export function polled(method, instance, seconds) {
  const refused = signal("");
  const refusal = computed(() => unanswered(method, instance.name.value) || refused.value);
  const resource = { answer: signal(/** @type {any} */ (null)), error: signal(""), refusal, loaded: signal(0), refresh: async () => {} };
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
        const answer = await netd.call(method, asked);
        if (isOver || turn !== latest) return;
        resource.answer.value = answer;
        resource.loaded.value = Date.now();
        resource.error.value = "";
      }
    } catch (error) {
      if (turn === latest && error.code === NOT_PERMITTED) refused.value = error.message;
      else if (turn === latest && error.code !== "disconnected") resource.error.value = error.message;
    }
    const took = performance.now() - began;
    if (!isOver && turn === latest) timer = setTimeout(resource.refresh, Math.max(seconds * 1000, RESPITE * took));
  };

  let before = "";
  effect(() => {
    const asked = `${identity.value} ${instance.name.value}`;
    if (before !== "" && asked !== before) {
      resource.answer.value = null;
      refused.value = "";
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
 * Be told of all events under *pattern*, as far as our token is for them; subscribes anew when the pattern changes.
 *
 * @param {() => string|null} pattern null: nothing.
 * @param {object} options see Netd.subscribe.
 * @param {(event: import("../netd.js").BusEvent) => void} onEvent
 * @returns {{lost: Readable<number>, error: Readable<string>, refusal: Readable<string>}} how many events were lost because this
 *   browser read too slowly, why we are told nothing, and why we may not be told.
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

/** Milliseconds between two turns of what is asked for all the time. */
const BUSY = 1000;

/**
 * Something that many events ask for: done at once, and once more after a pause where it was asked for meanwhile. The pause grows
 * from *milliseconds* to a second while events go on: a busy netd never falls silent, so that waiting for silence would be for ever.
 *
 * @param {() => Promise<void>|void} act what takes longer than the pause is not done twice at a time.
 * @param {number} milliseconds @returns {() => Promise<void>} asks for it.
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
 * A list that never has more than *most* items, each with a key of its own; the newest are first.
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
    /** Put others in their place, the newest first; those that have a key keep it. @param {T[]} others */
    replace(others) {
      items.value = others.slice(0, most).map(keyed);
    },
    clear() {
      items.value = [];
    },
  };
}
