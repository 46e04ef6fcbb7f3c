/** What is around every page: the rail, the strip that is always true, and the sign-in where it is needed. */

import { servicesOf, status } from "./connection.js";
import { choice, h } from "./dom.js";
import { icon } from "./icons.js";
import { kindOf } from "./instances.js";
import { signIn } from "./login.js";
import { reaches } from "./rights.js";
import { page, PAGES } from "./router.js";
import { effect, signal } from "./signal.js";
import { strip } from "./strip.js";

/** Each page is loaded when it is opened first. */
const LOAD = {
  overview: () => import("./pages/overview.js"),
  sessions: () => import("./pages/sessions.js"),
  devices: () => import("./pages/devices.js"),
  feed: () => import("./pages/feed.js"),
  commands: () => import("./pages/commands.js"),
  rooms: () => import("./pages/rooms.js"),
  bus: () => import("./pages/bus.js"),
};
const TITLES = Object.fromEntries(PAGES);

/** What makes each page, by its name, as far as that is loaded; an Error where that failed. */
const makers = signal(new Map());

function load(name) {
  const keep = (made) => (makers.value = new Map([...makers.peek(), [name, made]]));
  LOAD[name]().then((module) => keep(module[name]), keep);
}

/** The page's top-level elements. */
export function frame() {
  effect(() => {
    const node = status.value?.name;
    document.title = `${TITLES[page.value]} – ${node ? `${node} – ` : ""}netd`;
  });
  const skip = (event) => {
    event.preventDefault();
    document.getElementById("page").focus();
  };
  return [
    h("a.skip", { href: "#page", onclick: skip }, "Skip to the page"),
    h("div.frame", {}, rail(), h("div.column", {}, strip(), main())),
    signIn(),
  ];
}

function rail() {
  return h(
    "nav.rail",
    { "aria-label": "Pages" },
    h(
      "div.rail-inner",
      {},
      h(
        "a.brand",
        { href: "#/overview", "aria-label": "netd, overview" },
        h("span.brand-mark", { "aria-hidden": "true" }, icon("sessions")),
        h("span", {}, "netd"),
      ),
      h(
        "ul",
        {},
        PAGES.map(([name, title]) => h("li", { hidden: () => !isListed(name) }, pageLink(name, title))),
      ),
    ),
  );
}

/** A page of which no service runs, as far as we may know, is left out, unless it is looked at. */
function isListed(name) {
  const kind = kindOf(name);
  if (kind === null || status.value === null || page.value === name) return true;
  return servicesOf(kind).length > 0 || !reaches(kind);
}

function pageLink(name, title) {
  const current = () => (page.value === name ? "page" : null);
  return h("a", { href: `#/${name}`, testid: `page-${name}`, "aria-current": current }, icon(name), h("span", {}, title));
}

function main() {
  effect(() => {
    if (!makers.value.has(page.value)) load(page.value);
  });
  return h(
    "main",
    { id: "page", tabindex: "-1" },
    choice(
      () => page.value,
      (name) =>
        h(
          "div.page",
          { testid: "page", "data-page": name, "data-face": () => (makers.value.has(name) ? "live" : "loading") },
          h("h1", {}, TITLES[name]),
          choice(() => makers.value.get(name), content),
        ),
    ),
  );
}

function content(maker) {
  if (maker === undefined) return null;
  if (maker instanceof Error)
    return h("p.outcome", { role: "alert", "data-state": "trouble" }, `This page cannot be loaded: ${maker.message}. Reload it.`);
  return maker();
}
