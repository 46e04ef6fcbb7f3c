/** The frame around every page: rail, strip, and the dialog to sign in. */

import { foreignKinds, servicesOf, state, status } from "./connection.js";
import { choice, each, h } from "./dom.js";
import { drawing } from "./icons.js";
import { late } from "./late.js";
import { pageNamed, pageOfKind, PAGES, SERVICE, titleOf } from "./pages.js";
import { addressOf, page, place, titled } from "./router.js";
import { computed, effect, signal } from "./signal.js";
import { strip } from "./strip.js";

/** The page to sign in, and whether it was needed: then it stays, and tells what has come of it. */
const login = late(() => import("./login.js"), "sign_in");
let wasSignedOut = false;

/** The functions that make the pages loaded so far, by name; an Error where loading failed. */
const makers = signal(new Map());

/** Load a page, when it is opened for the first time. */
function load(name) {
  const keep = (made) => (makers.value = new Map([...makers.peek(), [name, made]]));
  pageNamed(name).load().then(keep, keep);
}

const title = computed(() => titled.value ?? titleOf(pageNamed(place.value.page), place.value.kind));

/** The page's top-level elements. */
export function frame() {
  effect(() => {
    const node = status.value?.name;
    document.title = `${title.value} – ${node ? `${node} – ` : ""}netd`;
  });
  const skip = (event) => {
    event.preventDefault();
    document.getElementById("page")?.focus();
  };
  return [
    h("a.skip", { href: "#page", onclick: skip }, "Skip to the page"),
    h("div.frame", {}, rail(), h("div.column", {}, strip(), main())),
    choice(
      () => (state.value.name === "unauthorised" || wasSignedOut ? login() : null),
      (part) => {
        wasSignedOut ||= part !== null;
        return part?.signIn() ?? null;
      },
    ),
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
        h("span.brand-mark", { "aria-hidden": "true" }, drawing(pageOfKind("session").icon)),
        h("span", {}, "netd"),
      ),
      h(
        "ul",
        {},
        PAGES.map((entry) => h("li", { hidden: () => !isListed(entry) }, pageLink(entry, `#/${entry.name}`))),
        each(
          () => foreign.value,
          (kind) => kind,
          (kind) => h("li.foreign", {}, pageLink(SERVICE, addressOf(kind.peek()), kind.peek())),
        ),
      ),
    ),
  );
}

/** The rail leaves out pages of kinds that do not run, or that the token shows nothing of, but for the page that is open. */
function isListed({ name, kind }) {
  return kind === null || status.value === null || page.value === name || servicesOf(kind).length > 0;
}

/** Kinds without a page of their own: third parties' kinds, and the one that is open. */
const foreign = computed(() => {
  const looked = page.value === SERVICE.name ? place.value.kind : null;
  return looked === null || foreignKinds.value.includes(looked) ? foreignKinds.value : [...foreignKinds.value, looked];
});

/** @param {import("./pages.js").Entry} entry @param {string} href @param {string|null} kind */
function pageLink(entry, href, kind = entry.kind) {
  const isShown = () => page.value === entry.name && place.value.kind === kind;
  const attributes = {
    href,
    testid: `page-${entry === SERVICE ? kind : entry.name}`,
    "aria-current": () => (isShown() ? "page" : null),
  };
  return h("a", attributes, drawing(entry.icon), h("span", {}, titleOf(entry, kind)));
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
          h("h1", {}, () => title.value),
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
