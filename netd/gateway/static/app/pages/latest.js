/** The user's own data on Overview: the newest values of some channels, and the alerts that somebody has to look at. */

import { asCommands, commandLine } from "../commandline.js";
import { servicesOf, status } from "../connection.js";
import { choice, each, h, when } from "../dom.js";
import { plural, visible } from "../format.js";
import { instanceOf, labelOf, portOf } from "../instances.js";
import { late } from "../late.js";
import { polled } from "../live.js";
import { nodeOf, nodeStates } from "../nodes.js";
import { troublesOf } from "../pages.js";
import { badge, faceOf, panel } from "../panel.js";
import { addressOf } from "../router.js";
import { computed, signal } from "../signal.js";

/** Seconds between two questions. */
const EVERY = 10;
/** How many sessions, or peers of a wire, have channels here, and how many channels there are. */
export const MOST_ROWS = 4;
export const MOST_CHANNELS = 10;

const tiles = late(() => import("./latest_tiles.js"));
const wires = late(() => import("./latest_wires.js"));

/** A list of a few rows, with the counts of all. */
export function counted(method, instance, limit) {
  return polled(method, { ...instance, params: () => instance.params({ limit }) }, EVERY);
}

/** The newest values of the first sessions. */
export function latest() {
  const instance = instanceOf("session");
  const list = counted("session.list", instance, MOST_ROWS);
  const live = computed(() => (list.answer.value?.rows ?? []).filter(({ state }) => state !== "ended"));
  const channels = computed(() =>
    live.value.flatMap((session) => Object.keys(session.channels).map((name) => ({ session, name }))).slice(0, MOST_CHANNELS),
  );
  const toggle = async ({ agent }) => {
    const { watch } = await import("./session_watch.js"); // with all that draws plots
    watch(instance.name.peek(), agent);
    location.hash = `#/sessions?${new URLSearchParams({ instance: instance.name.peek() ?? "", view: "watched" })}`;
  };
  const further = () => (list.answer.value?.matching ?? 0) - live.value.length;
  const empty = {
    text: "No session streams. Run an agent, and start a session with its address on the page Sessions:",
    command: () => commandLine("agent", ["--channel", "x=sine"], ["--server-port", portOf(instance.service(), 10000)]),
  };
  const node = () => nodeOf(instance.name.value ?? "") || (status.value?.name ?? "");
  const title = () => (nodeStates.value.length > 1 ? `Latest values on ${node()}` : "Latest values");
  const made = panel(
    { title, aside: instance.select, testid: "latest", face: faceOf(list, () => channels.value.length === 0), empty, kind: "wide" },
    choice(
      () => (channels.value.length > 0 ? tiles() : null),
      (module) => module?.latestTiles(instance, channels, toggle) ?? null,
    ),
    when(
      () => further() > 0,
      () => h("p.hint", {}, h("a", { href: addressOf("session") }, () => plural(further(), "further session"))),
    ),
  );
  const hasOthers = signal(false);
  const isTold = () => channels.value.length > 0 || !hasOthers.value;
  return [
    when(
      () => servicesOf("session").length > 0 && !list.refusal.value && isTold(),
      () => made,
    ),
    choice(
      () => (servicesOf("wire").length > 0 ? wires() : null),
      (module) => module?.latestOfWires(hasOthers) ?? null,
    ),
  ];
}

/** The services that do not do what they are there for, each with the reason. The status tells them. */
export function troubles() {
  const all = () =>
    (status.value?.services ?? []).flatMap((service) =>
      troublesOf(service).map((why) => ({ ...service, why, section: labelOf(service.kind, service.instance) })),
    );
  const one = (item) => {
    const { kind, instance, section } = item.peek();
    return h(
      "li",
      { testid: "trouble", "data-section": section },
      badge("trouble", h("a", { href: addressOf(kind, instance) }, section)),
      h("span.what", {}, () => asCommands(visible(item.value.why))),
    );
  };
  return when(
    () => all().length > 0,
    () =>
      panel(
        { title: "Not working", testid: "troubles", kind: "wide" },
        h("ul.alarms.lines", {}, each(all, ({ section, why }) => `${section} ${why}`, one)),
      ),
  );
}

const LOUD = ["firing", "unacknowledged"];

/** The alerts that somebody has to look at. The status tells them: nothing more is asked for. */
export function alarms() {
  const loud = () => servicesOf("alert").filter(({ state }) => LOUD.includes(state));
  const one = (item) => {
    const { instance } = item.peek();
    const on = () => (item.value.firing ? ` on ${plural(item.value.firing, "subject")}` : "");
    return h(
      "li",
      { testid: "alarm", "data-alert": instance },
      badge("trouble", [
        h("a", { href: addressOf("alert") }, visible(instance)),
        h("span", {}, () => ` ${item.value.state}${on()}`),
      ]),
    );
  };
  return when(
    () => loud().length > 0,
    () =>
      panel(
        { title: "Alerts", testid: "alarms-now", kind: "wide" },
        h("ul.alarms", {}, each(loud, ({ instance }) => instance, one)),
      ),
  );
}
