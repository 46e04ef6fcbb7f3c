/** The kept versions of a board, any of which can be restored. */

import { netd, serverNow } from "../connection.js";
import { each, h } from "../dom.js";
import { ago, fullTime, visible } from "../format.js";
import { signal } from "../signal.js";
import { openDialog } from "./dialogs.js";
import { mayNotWrite, meaning, versionsOf } from "./store.js";

/** @param {string} name @param {import("./store.js").Stored} stored @param {() => void} refresh */
export function showVersions(name, stored, refresh) {
  openDialog({ title: "Versions", testid: "versions-dialog" }, (close) => {
    const all = signal(/** @type {import("./store.js").Version[]} */ ([]));
    const outcome = signal("");
    const failed = (error) => (outcome.value = error.message);
    versionsOf(name).then((found) => (all.value = found), failed);
    const restore = async (version) => {
      try {
        await netd.call("board.restore", { ...meaning(name), version });
        refresh();
        close();
      } catch (error) {
        failed(error);
      }
    };
    const row = (one) => {
      const { version, who, time, deleted } = one.peek();
      const remark = deleted ? "deleted" : version === stored.version ? "shown" : "";
      return h(
        "li",
        { testid: "version-row", "data-version": String(version) },
        h("b", {}, `Version ${version}`),
        h("span.what", { title: fullTime(time) }, `${visible(who || "somebody")}, ${ago(time, serverNow())}`),
        remark
          ? h("span.hint", {}, remark)
          : h(
              "button",
              { type: "button", testid: "restore", hidden: () => mayNotWrite() !== "", onclick: () => restore(version) },
              "Restore",
            ),
      );
    };
    return [
      h(
        "ul.versions",
        {},
        each(
          () => all.value,
          (one) => one.version,
          row,
        ),
      ),
      h("p.hint", {}, "A restored version becomes the newest: nothing is lost."),
      h("p.outcome", { role: "alert", "data-state": "trouble" }, () => outcome.value),
    ];
  });
}
