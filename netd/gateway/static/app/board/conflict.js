/** Somebody else has written the board while it was edited: nobody's work is lost. */

import { h } from "../dom.js";
import { ago, clock, plural, visible } from "../format.js";
import { serverNow } from "../connection.js";
import { signal } from "../signal.js";
import { openDialog } from "./dialogs.js";
import { nameFor } from "./model.js";
import { writeBoard } from "./store.js";

/**
 * Ask what is to become of the two boards.
 * @param {import("./editing.js").Draft} draft whose `theirs` is known.
 * @param {string[]} names of all boards.
 * @param {(name: string) => void} done is called with the name of the board to show.
 */
export function resolveConflict(draft, names, done) {
  const theirs = /** @type {import("./store.js").Stored} */ (draft.theirs.peek());
  const { who, time, version, board } = theirs;
  openDialog({ title: "Somebody else has changed this board", testid: "conflict-dialog" }, (close) => {
    const error = signal("");
    const attempt = (act) => async () => {
      try {
        await act();
        close();
      } catch (failed) {
        error.value = failed.message;
      }
    };
    const mine = draft.board.peek();
    const asCopy = async () => {
      const title = `${mine.title || draft.name} (copy)`;
      const name = nameFor(title, names);
      await writeBoard(name, 0, { ...mine, title });
      draft.end();
      done(name);
    };
    const overwrite = async () => {
      if (await draft.save(version)) return done(draft.name);
      throw new Error("It has been changed again. Close this, and save once more.");
    };
    const seeTheirs = async () => {
      draft.end();
      done(draft.name);
    };
    const isDeleted = version === 0;
    const choices = /** @type {[string, string, string, () => Promise<void>][]} */ ([
      [
        "copy",
        "Keep mine as a copy",
        isDeleted ? "Yours becomes a new board." : "Both stay: theirs here, yours as a new board.",
        asCopy,
      ],
      ...(isDeleted ? [] : [["theirs", "See theirs", "Your changes since you pressed Edit are dropped.", seeTheirs]]),
      [
        "overwrite",
        isDeleted ? "Bring it back" : "Overwrite",
        isDeleted ? "Yours becomes its newest version." : "Yours takes the place of theirs, which stays among the versions.",
        overwrite,
      ],
    ]);
    const yours = `Yours has ${plural(mine.tiles.length, "tile")}, and is made of version ${draft.version}.`;
    const written = `${visible(who || "Somebody")} wrote version ${version} at ${clock(time)}, ${ago(time, serverNow())}: “${visible(board.title)}” with ${plural(board.tiles.length, "tile")}. `;
    return [
      h("p", { testid: "conflict-who" }, (isDeleted ? "This board was deleted while you edited it. " : written) + yours),
      h(
        "ul.conflict-choices",
        {},
        choices.map(([name, label, hint, act]) =>
          h(
            "li",
            {},
            h(
              "button",
              {
                type: "button",
                class: name === "copy" ? "main" : name === "overwrite" ? "danger" : "",
                testid: `conflict-${name}`,
                onclick: attempt(act),
              },
              label,
            ),
            h("span.hint", {}, hint),
          ),
        ),
      ),
      h("p.outcome", { role: "alert", "data-state": "trouble" }, () => error.value),
    ];
  });
}
