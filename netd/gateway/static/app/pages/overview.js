/** Overview: the user's own data first, then services, vitals and the daemon. */

import { asCommands } from "../commandline.js";
import { hearsVitals, identity, isLive, lostAt, operations, phase, serverNow, servicesOf, status, vitals } from "../connection.js";
import { choice, h, when } from "../dom.js";
import { clock, count, rate, shortSpan } from "../format.js";
import { sectionOf } from "../instances.js";
import { late } from "../late.js";
import { isFar, nodeStates } from "../nodes.js";
import { connectionsOf, dialText, factsOf } from "../pages.js";
import { away, panel } from "../panel.js";
import { plot } from "../plots/plot.js";
import { forbidden, subjects } from "../rights.js";
import { addressOf } from "../router.js";
import { table, cell, rowHead } from "../table.js";
import { messageRate } from "../strip.js";
import { vitalsSeries } from "../vitals.js";
import { daemon } from "./daemon.js";
import { lately } from "./lately.js";
import { alarms, latest, troubles } from "./latest.js";
import { missing, things } from "./things.js";

/** The longest and the shortest window of the small plots, in seconds. */
const WINDOW = 300;
const LEAST_WINDOW = 30;

/** What few see: the subjects of a confined token, and who is logged in to the manhole. */
const confinement = late(() => import("./confinement.js"));
const manhole = late(() => import("./manhole_sessions.js"));

function isManholeShown() {
  const instance = servicesOf("manhole")[0]?.instance;
  const method = "manhole.sessions";
  return instance !== undefined && operations.value.has(method) && forbidden(method, instance) === "";
}

export function overview() {
  return h(
    "div.grid.overview",
    {},
    missing(),
    alarms(),
    troubles(),
    latest(),
    lately(),
    things(),
    services(),
    choice(
      () => hearsVitals.value || identity.value === "" || confinement(),
      (part) => (part === true ? tiles() : part && part.confinement()),
    ),
    h(
      "div.stack.wide",
      {},
      daemon(),
      choice(
        () => (isManholeShown() ? manhole() : null),
        (part) => part?.manholeSessions() ?? null,
      ),
    ),
  );
}

function tiles() {
  return h(
    "div.tiles.wide",
    {},
    tile("Messages", "messages a second", vitalsSeries.rate, () => rate(messageRate.value), "tile-rate"),
    tile(
      "Connections",
      "open connections",
      vitalsSeries.connections,
      vital((last) => count(last.connections)),
      "tile-connections",
    ),
    tile(
      "Loop lag",
      "longest in each second",
      vitalsSeries.lag,
      vital((last) => shortSpan(last.lag)),
      "tile-lag",
    ),
  );
}

const vital = (read) => () => (vitals.value.now === null ? "–" : read(vitals.value.now));

function tile(title, explained, series, read, testid) {
  const view = () => {
    const to = serverNow();
    return { from: Math.max(to - WINDOW, Math.min(series.oldest, to - LEAST_WINDOW)), to, still: null };
  };
  return h(
    "section.panel.tile",
    { "aria-label": title, testid, "data-face": () => (isLive.value ? "live" : "stale") },
    h("h2", {}, title),
    h("p.big", {}, read),
    h("p.hint", {}, explained),
    plot({
      curves: () => [{ source: series }],
      view,
      name: () => `${title}: ${explained}, lately.`,
      isSmall: true,
      least: () => [0, 1],
      testid: `${testid}-plot`,
    }),
  );
}

const sum = (numbers) => Object.values(numbers ?? {}).reduce((total, number) => total + number, 0);

const NOT_WHOLE = "Your token sees no service whole, so none is listed. The pages named above show what it sees.";

function services() {
  const listed = () => (status.value?.services ?? []).filter((one) => !one.isGuessed && !isFar(one));
  /** @returns {import("../panel.js").Face} */
  const face = () => {
    if (status.value === null) return { name: isLive.value ? "loading" : "failed", text: away() };
    if (status.value.refusal) return { name: "refused", text: asCommands(status.value.refusal) };
    if (subjects.value !== null && !listed().length) return { name: "refused", text: NOT_WHOLE };
    if (!isLive.value) return { name: "stale", text: `since ${clock(lostAt.value)}: ${away()}` };
    return { name: listed().length ? "live" : "empty" };
  };
  const title = () => (nodeStates.value.length > 1 ? `Services on ${status.value?.name ?? "this node"}` : "Services");
  const others = when(
    () => nodeStates.value.length > 1,
    () => h("a", { href: addressOf("cluster") }, "other nodes"),
  );
  const empty = { text: "No service runs: this netd's configuration has none.", command: () => "netd config --origin" };
  return panel(
    { title, aside: others, testid: "services", face, empty, kind: "wide" },
    table(["Service", "Does", "Connections", "Refused", "Address"], listed, (one) => `${one.kind}:${one.instance}`, serviceRow),
  );
}

/** Where a service listens, and what it dials. @param {import("../connection.js").Service} service */
function places({ listening = [], dialling = [], work = [] }) {
  const isParked = ({ reach }) => phase.value?.state === "draining" && reach.startsWith("nobody");
  const told = listening.map((place) => place.address + (isParked(place) ? " (draining)" : ""));
  return [...told, ...dialling.map(({ remote }) => `dials ${remote}`), ...work.map(({ what }) => what)].join(", ") || "–";
}

/** Who can reach a service, and what becomes of its remotes. @param {import("../connection.js").Service} service */
const reach = ({ listening = [], dialling = [], work = [] }) =>
  [...listening.map((one) => one.reach), ...dialling.map(dialText), ...work.map(({ how }) => how)].join(", ");

function serviceRow(item) {
  const { kind, instance } = item.peek();
  const facts = () => asCommands(factsOf(item.value).join(" · ")) || "–";
  return h(
    "tr",
    { testid: "service-row" },
    rowHead("Service", h("a", { href: addressOf(kind, instance) }, sectionOf(kind, instance))),
    cell("Does", facts, "long"),
    cell("Connections", () => count(connectionsOf(item.value) ?? NaN), "number"),
    cell("Refused", () => count(sum(item.value.counters?.refused)), "number"),
    cell("Address", () => places(item.value), "mono long", { title: () => reach(item.value) }),
  );
}
