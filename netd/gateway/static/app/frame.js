/** What is around every page: the rail, the strip that is always true, and the sign-in where it is needed. */

import { overview } from "./pages/overview.js";
import { sessions } from "./pages/sessions.js";
import { devices } from "./pages/devices.js";
import { feed } from "./pages/feed.js";
import { commands } from "./pages/commands.js";
import { rooms } from "./pages/rooms.js";
import { bus } from "./pages/bus.js";
import { status } from "./connection.js";
import { choice, h } from "./dom.js";
import { icon } from "./icons.js";
import { signIn } from "./login.js";
import { page, PAGES } from "./router.js";
import { effect } from "./signal.js";
import { strip } from "./strip.js";

const MAKE = { overview, sessions, devices, feed, commands, rooms, bus };
const TITLES = Object.fromEntries(PAGES);

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
        PAGES.map(([name, title]) => h("li", {}, pageLink(name, title))),
      ),
    ),
  );
}

function pageLink(name, title) {
  const current = () => (page.value === name ? "page" : null);
  return h("a", { href: `#/${name}`, testid: `page-${name}`, "aria-current": current }, icon(name), h("span", {}, title));
}

function main() {
  return h(
    "main",
    { id: "page", tabindex: "-1" },
    choice(
      () => page.value,
      (name) => h("div.page", { testid: "page", "data-page": name }, h("h1", {}, TITLES[name]), MAKE[name]()),
    ),
  );
}
