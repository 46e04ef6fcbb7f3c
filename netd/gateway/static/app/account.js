/** Who is signed in, until when, and the way out: a button in the strip, and what it opens. */

import { logout, who } from "./connection.js";
import { h, when } from "./dom.js";
import { icon } from "./icons.js";
import { keepPresence, sessionEnd } from "./presence.js";
import { subjects } from "./rights.js";
import { computed } from "./signal.js";

const DAY = 86400;

keepPresence(); // once: this is loaded for whoever has signed in

const hour = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

/** A time that comes: the hour, and from tomorrow on the day before it. @param {number} moment */
const coming = (moment) => (moment - Date.now() / 1000 < DAY / 2 ? hour : day).format(moment * 1000);

const latest = computed(() => (sessionEnd.value === null ? "" : coming(sessionEnd.value.latest)));

/** When the session ends if nobody uses it, where that comes first. */
const unused = computed(() => {
  const end = sessionEnd.value;
  return end === null || end.unused >= end.latest ? "" : coming(end.unused);
});

/** @type {Record<string, string>} */
const MAY = { viewer: "look", operator: "look and act", admin: "look, act, and stop netd" };

/** @param {string} name @param {() => string} read @param {string} testid */
const fact = (name, read, testid) => h("div", {}, h("dt", {}, name), h("dd", { testid }, read));

/** The button, and the panel that it opens. */
export function account() {
  const name = () => who.value?.name || "token";
  const role = () => who.value?.role ?? "";
  return h(
    "div.account",
    {},
    h(
      "button.quiet",
      { type: "button", popovertarget: "account", testid: "account", "aria-label": () => `Account: ${name()}, ${role()}` },
      icon("person"),
      h("span.who", {}, () => `${name()} (${role()})`),
    ),
    h(
      "div.account-panel",
      { id: "account", popover: "auto", role: "dialog", "aria-labelledby": "account-name", testid: "account-panel" },
      h("h2", { id: "account-name" }, name),
      h(
        "dl.facts-list",
        {},
        fact("May", () => `${MAY[role()] ?? "do nothing"} (${role()})`, "account-role"),
        fact("Sees", () => (subjects.value ?? ["everything"]).join(", "), "account-subjects"),
        when(
          () => unused.value !== "",
          () => fact("Session ends, if nobody uses it", () => unused.value, "account-unused"),
        ),
        when(
          () => latest.value !== "",
          () => fact("Session ends, at the latest", () => latest.value, "account-latest"),
        ),
      ),
      h(
        "button",
        { type: "button", testid: "sign-out", onclick: logout },
        icon("out"),
        h("span", {}, "Sign out"),
      ),
      h("p.hint", {}, "In all tabs of this browser."),
    ),
  );
}
