/** The channels of a tile: of its subjects, or of all that a pattern has. */

import { channel, describe, gather } from "../channels.js";
import { identity, isLive } from "../connection.js";
import { measure, precisionOf } from "../format.js";
import { told } from "../live.js";
import { windowOf } from "../plots/grid.js";
import { askRecorder, offers } from "../recorder.js";
import { audible, inaudible } from "../rights.js";
import { computed, effect } from "../signal.js";
import { covers } from "../subjects.js";

/** How many channels a pattern may have. */
const MOST_CHANNELS = 20;
/** Seconds between two values of a figure: people cannot read faster ones. */
export const READABLE = 0.5;

/** @typedef {import("../channels.js").Channel} Channel */
/** @template T @typedef {import("../signal.js").Readable<T>} Readable */

/** A point of a small line; null is a gap. @typedef {{time: number, value: number|null}} Point */

export const isPattern = (subject) => /(^|\.)[*>](\.|$)/.test(subject);

/**
 * Follow channels, until the tile ends.
 * @param {any} subjects and patterns, as a board names them. @param {number} [most] of each pattern.
 * @returns {{channels: Readable<Channel[]>, omitted: () => number, refusal: () => string}}
 */
export function followed(subjects, most = MOST_CHANNELS) {
  const named = (Array.isArray(subjects) ? subjects : []).map(String);
  const single = named.filter((one) => !isPattern(one)).map(channel);
  const gathered = named.filter(isPattern).map((pattern) => gather(pattern, most));
  return {
    channels: computed(() => [...single, ...gathered.flatMap((one) => [...one.channels.value.values()])]),
    omitted: () => gathered.reduce((total, one) => total + one.omitted.value, 0),
    refusal: () => (identity.value === "" ? "" : (named.map(inaudible).find(Boolean) ?? "")),
  };
}

/** What a channel is called: its label, or the tokens of its subject that tell it apart. @param {Channel} one */
export const nameOf = (one) => one.described.value.label || spelled(one.subject);

/** A subject as a title: "greenhouse temp" of session.main.greenhouse.temp; a pattern as it is. @param {string} subject */
export const spelled = (subject) => (isPattern(subject) ? subject : subject.split(".").slice(2).join(" ") || subject);

/** Its newest value as a text, with the precision of its values. @param {Channel} one @param {number|null} value */
export function written(one, value) {
  if (value !== null) one.precision = precisionOf(value, one.precision);
  return measure(value, one.precision);
}

/** The same in little room: with five digits at most. @param {Channel} one @param {number|null} value */
export function writtenShort(one, value) {
  const full = written(one, value);
  const short = measure(value);
  return short.length < full.length ? short : full;
}

/**
 * The values of a channel in a window, as points; recorded ones, too.
 * @param {Channel} one @param {number} to @param {number} seconds @param {number} columns
 * @returns {{points: Point[], summary: import("../plots/grid.js").Summary}}
 */
export function pointsOf(one, to, seconds, columns) {
  const { times, values, summary } = windowOf(one, to - seconds, to, columns);
  return { points: times.map((time, index) => ({ time, value: values[index] })), summary };
}

/** With more tiles than this, tiles of a kind share a wider pattern: a connection may have 64 subscriptions. */
const CROWDED = 12;

/**
 * Receive the events under *pattern*, as `told` does; on a crowded board, through the *wider* one that other tiles have, too.
 * @param {import("./tiles/frame.js").Surroundings} around @param {string} pattern "" for none. @param {string} wider
 * @param {object} options @param {(event: import("../../netd.js").BusEvent) => void} onEvent
 */
export function shared(around, pattern, wider, options, onEvent) {
  const chosen = around.tiles() > CROWDED && covers(wider, pattern) ? wider : pattern;
  const take = (event) => covers(pattern, event.subject) && onEvent(event);
  return told(() => chosen || null, options, take);
}

/** Learn labels and units of channels, while a board is shown: of the sessions that run, and of what was recorded. */
export function describeChannels() {
  told(
    () => "session.*.*",
    { replay: 1 },
    ({ subject, data }) => {
      for (const [name, described] of Object.entries(data.channels ?? {})) describe(`${subject}.${name}`, described);
    },
  );
  effect(() => {
    if (!isLive.value || !offers("history.subjects")) return;
    const ofRecorder = (all) => all.forEach((one) => describe(one.subject, one));
    const ignore = () => {}; // without labels, subjects stand in their place
    for (const pattern of audible(">")) askRecorder("history.subjects", { pattern }).then(ofRecorder, ignore);
  });
}
