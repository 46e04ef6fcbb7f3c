/** For a confined token, in place of the vitals: its subjects, and the pages that have something to show. */

import { foreignKinds } from "../connection.js";
import { each, h } from "../dom.js";
import { panel } from "../panel.js";
import { audible, subjects } from "../rights.js";
import { PAGES, SERVICE, titleOf } from "../pages.js";
import { addressOf } from "../router.js";

export function confinement() {
  const own = () => PAGES.filter(({ name, kind }) => name === "bus" || (kind !== null && audible(`${kind}.>`).length));
  const foreign = () => foreignKinds.value.map((kind) => ({ name: kind, title: titleOf(SERVICE, kind), href: addressOf(kind) }));
  return panel(
    { title: "Your subjects", testid: "confinement", kind: "wide" },
    h("p", {}, "Your token is for these subjects, and netd shows you what is under them:"),
    h(
      "ul.patterns",
      {},
      each(
        () => subjects.value ?? [],
        (one) => one,
        (one) => h("li.mono", {}, one.peek()),
      ),
    ),
    h(
      "ul.row.ways",
      { "aria-label": "Pages with something to see" },
      each(
        () => [...own().map((entry) => ({ ...entry, href: `#/${entry.name}` })), ...foreign()],
        ({ name }) => name,
        (one) => h("li", {}, h("a", { href: one.peek().href }, one.peek().title)),
      ),
    ),
  );
}
