/** Dialogs of a board. The focus goes back to where it came from. */

import { h } from "../dom.js";
import { sheet } from "../sheet.js";
import { scope } from "../signal.js";

let dialogs = 0;

/**
 * Open a dialog.
 * @param {{title: string, testid: string, kind?: string}} parts
 * @param {(close: () => void) => any[]} make its content.
 */
export function openDialog({ title, testid, kind = "" }, make) {
  sheet("board");
  const id = `dialog-${++dialogs}`;
  const before = /** @type {HTMLElement|null} */ (document.activeElement);
  const close = () => dialog.close();
  const [dialog, end] = scope(() => {
    const made = h("dialog.board-dialog", { class: kind, "aria-labelledby": id, testid });
    made.append(
      h(
        "header.panel-head",
        {},
        h("h2", { id }, title),
        h("div.panel-aside", {}, h("button.quiet", { type: "button", testid: `${testid}-close`, onclick: close }, "Close")),
      ),
      ...make(close).flat(Infinity).filter(Boolean),
    );
    return made;
  });
  dialog.addEventListener("close", () => {
    end();
    dialog.remove();
    if (before?.isConnected) before.focus();
  });
  dialog.addEventListener("click", (event) => event.target === dialog && close());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
