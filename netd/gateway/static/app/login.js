/** The dialog that asks for a token, while netd wants one. The token is kept in the session storage of the tab only. */

import { login, state, tokenRefusal } from "./connection.js";
import { field, form } from "./action.js";
import { asCommands, commandLineToCopy } from "./commandline.js";
import { h } from "./dom.js";
import { effect } from "./signal.js";

/** @returns {HTMLDialogElement} */
export function signIn() {
  const token = h("input", {
    type: "password",
    name: "token",
    autocomplete: "off",
    spellcheck: "false",
    required: true,
    testid: "token",
  });
  const send = () => {
    login(token.value.trim());
    token.value = "";
  };
  const reason = () => (tokenRefusal.value === "" ? "" : `netd refused the token: ${asCommands(tokenRefusal.value)}.`);
  const dialog = h(
    "dialog.sign-in",
    { "aria-labelledby": "sign-in-title", testid: "sign-in", oncancel: (event) => event.preventDefault() },
    form(
      {},
      send,
      h("h2", { id: "sign-in-title" }, "Sign in"),
      h("p", {}, "This netd wants a token. It is kept until this tab is closed."),
      field("Token", token),
      h("p.outcome", { role: "alert", "data-state": "trouble", testid: "sign-in-outcome" }, reason),
      h("button.main", { type: "submit", testid: "sign-in-button" }, "Sign in"),
      h("p.hint", {}, "A token is made where netd runs:"),
      commandLineToCopy(() => "netd token add dashboard --role operator"),
    ),
  );
  effect(() => {
    const isWanted = state.value.name === "unauthorised";
    if (isWanted && !dialog.open && dialog.isConnected) dialog.showModal();
    if (state.value.name === "live" && dialog.open) dialog.close();
  });
  return dialog;
}
