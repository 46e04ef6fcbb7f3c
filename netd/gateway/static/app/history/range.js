/** Which time is shown: the usual lengths, a beginning and an end in words, the way back to now, and the time zone. */

import { field, form, segments } from "../action.js";
import { serverNow } from "../connection.js";
import { h, when } from "../dom.js";
import { icon } from "../icons.js";
import { effect, onCleanup, signal } from "../signal.js";
import { timeWritten } from "../said_times.js";
import { chooseZone, chosenZone, zone, ZONES } from "../zones.js";
import { windowSaid } from "./address.js";
import { misread, run, view } from "./state.js";

/** @type {[number, string][]} */
const RANGES = [
  [900, "15 min"],
  [3600, "1 h"],
  [21600, "6 h"],
  [86400, "1 d"],
  [604800, "1 w"],
  [2592000, "30 d"],
  [31536000, "1 y"],
];
/** Milliseconds between two updates of the fields while time goes on. */
const BEAT = 1000;

export function rangeBar() {
  const [from, to, trouble] = [signal(""), signal(""), signal("")];
  const isEdited = signal(false);
  const show = () => {
    if (isEdited.peek()) return;
    const span = view.read();
    from.value = timeWritten(span.from, zone.peek());
    to.value = view.isLive.peek() ? "now" : timeWritten(span.to, zone.peek());
  };
  effect(() => {
    void [view.fixed.value, view.seconds.value, zone.value];
    isEdited.value = false;
    trouble.value = misread.value;
    show();
  });
  const beat = setInterval(show, BEAT);
  onCleanup(() => clearInterval(beat));
  const go = () => {
    if (!isEdited.peek()) return; // what is shown already
    const said = windowSaid(from.peek(), to.peek(), serverNow(), zone.peek());
    trouble.value = said.trouble ?? "";
    if (said.trouble) return;
    isEdited.value = false;
    run.value = null;
    if (said.fixed) view.go(said.fixed);
    else view.live(said.seconds);
    show();
  };
  const input = (text, testid) =>
    h("input", {
      testid,
      value: () => text.value,
      spellcheck: "false",
      autocomplete: "off",
      oninput: (event) => {
        isEdited.value = true;
        text.value = event.target.value;
      },
    });
  const ranges = {
    get value() {
      return view.isLive.value ? view.seconds.value : view.length.value;
    },
    set value(seconds) {
      run.value = null;
      view.length.value = seconds;
    },
  };
  return h(
    "div.history-range",
    { testid: "history-range" },
    segments("Length of the window", RANGES, ranges, "ranges"),
    form(
      { class: "row", testid: "range-form" },
      go,
      field("From", input(from, "from")),
      field("To", input(to, "to")),
      acts(isEdited),
    ),
    zoneField(),
    h("p.restraint", { role: "alert", hidden: () => trouble.value === "", testid: "range-trouble" }, () => trouble.value),
  );
}

/** One place for the button that shows what was written, and the one that goes back to now: nothing moves when either comes. */
const acts = (isEdited) =>
  h(
    "span.range-acts",
    {},
    h("button", { type: "submit", hidden: () => !isEdited.value }, "Show"),
    when(
      () => !view.isLive.value && !isEdited.value,
      () => h("button.main", { type: "button", testid: "live", onclick: () => view.live() }, "Live", icon("play")),
    ),
  );

const zoneField = () =>
  field(
    "Time zone",
    h(
      "select",
      { testid: "zone", title: () => zone.value, onchange: (event) => chooseZone(event.target.value) },
      ZONES.map(([name, word]) => h("option", { value: name, selected: name === chosenZone.peek() }, word)),
    ),
  );
