/** Operations as command lines, to copy. Pure, but for the clipboard. */

import { each, h } from "./dom.js";
import { icon } from "./icons.js";
import { signal } from "./signal.js";

const PLAIN = /^[A-Za-z0-9_@%+=:,./-]+$/;

const OPERATION = /`([a-z][a-z0-9_-]*)\.([a-z0-9_.-]+)((?: [0-9]+)?)`/g;
/** @type {Record<string, string>} */
const SHORT = { "relay.devices": "devices", "relay.send": "send", "system.status": "status", "system.operations": "operations" };

/** Milliseconds for which the button says "Copied". */
const THANKS = 1600;

/** *word*, quoted for a POSIX shell where that is needed. */
export function quoted(word) {
  const text = String(word);
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** An option of a command line. @typedef {[string, any]} Option */

/**
 * A command line.
 * @param {...(string|number|Option|null|undefined)} words a pair is an option: left out without a value, a flag when true.
 */
export function commandLine(...words) {
  const line = ["netd"];
  for (const word of words) {
    if (word === null || word === undefined) continue;
    if (!Array.isArray(word)) line.push(quoted(word));
    else if (word[1] === true) line.push(word[0]);
    else if (word[1] !== null && word[1] !== undefined && word[1] !== "" && word[1] !== false)
      line.push(word[0], quoted(word[1]));
  }
  return line.join(" ");
}

/** *text* with each operation that it names in backticks written as its command: `netd devices` for `relay.devices`. */
export function asCommands(text) {
  return text.replace(
    OPERATION,
    (_, service, verb, number) => `\`netd ${SHORT[`${service}.${verb}`] ?? `${service} ${verb}`}${number}\``,
  );
}

/** Put *text* on the clipboard. Without HTTPS, browsers offer the older way only. */
export async function copy(text) {
  if (navigator.clipboard !== undefined) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = h("textarea.offscreen", { value: text, readonly: true });
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

/** A button that copies what *read* gives. @param {() => string} read @param {string} label */
export function copyButton(read, label = "Copy", attributes = {}) {
  const said = signal(label);
  const press = async () => {
    try {
      await copy(read());
      said.value = "Copied";
    } catch {
      said.value = "Not allowed";
    }
    setTimeout(() => (said.value = label), THANKS);
  };
  return h(
    "button.quiet.copy",
    { type: "button", onclick: press, ...attributes },
    icon("copy"),
    h("span", { "aria-live": "polite" }, () => said.value),
  );
}

/** A command line to copy. @param {() => string} read */
export function commandLineToCopy(read, testid = "command-line") {
  const words = () =>
    read()
      .split(" ")
      .map((text, index, all) => ({ index, text: index + 1 < all.length ? `${text} ` : text }));
  return h(
    "div.command-line",
    { testid },
    h(
      "code",
      {},
      each(
        words,
        (word) => word.index,
        (word) => h("span.word", {}, () => word.value.text),
      ),
    ),
    copyButton(read, "Copy", { title: "Copy this command line" }),
  );
}
