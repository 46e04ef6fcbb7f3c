/** A refusal, alike wherever it is shown: what was asked, what it takes, who you are, and the command that gives it. */

import { commandLineToCopy } from "./commandline.js";
import { h } from "./dom.js";

/**
 * The facts of a refusal, as netd tells them with its error.
 * @typedef {{asked: string, takes: string, you: string, remedy: string}} Denial
 */

/** @param {string} name @param {string} text */
const fact = (name, text) => h("div", {}, h("dt", {}, name), h("dd", {}, text));

/** What a refusal comes to, folded up below its sentence. @param {Denial} denial */
export const denial = ({ asked, takes, you, remedy }) =>
  h(
    "details.denial",
    { testid: "denial" },
    h("summary", {}, "What gives it"),
    h("dl", {}, fact("Asked", asked), fact("It takes", takes), fact("You are", you)),
    h("p.hint", {}, "Where netd runs:"),
    commandLineToCopy(() => remedy, "denial-command"),
  );
