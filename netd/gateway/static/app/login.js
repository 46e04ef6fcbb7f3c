/** The page that asks for a token, while netd wants one. A session begins with it, and the token is kept nowhere. */

import { login, state, tokenRefusal } from "./connection.js";
import { field, form } from "./action.js";
import { asCommands, commandLineToCopy } from "./commandline.js";
import { choice, h, prose, when } from "./dom.js";
import { drawing } from "./icons.js";
import { pageOfKind } from "./pages.js";
import { isReadable } from "./session.js";
import { effect, signal } from "./signal.js";

/** @returns {HTMLDialogElement} */
export function signIn() {
  const [isShown, isBusy, isThere] = [signal(false), signal(false), signal(false)];
  const token = h("input", {
    type: () => (isShown.value ? "text" : "password"),
    name: "password",
    autocomplete: "current-password",
    autocapitalize: "off",
    spellcheck: "false",
    required: true,
    autofocus: true,
    "aria-describedby": "sign-in-outcome",
    testid: "token",
  });
  const send = async () => {
    if (isBusy.peek()) return;
    isBusy.value = true;
    await login(token.value.trim());
    isBusy.value = false;
    isShown.value = false;
    if (tokenRefusal.peek() === "") token.value = "";
    else token.select();
  };
  const reason = () => (tokenRefusal.value === "" ? "" : `${sentence(asCommands(tokenRefusal.value))}.`);
  const dialog = h(
    "dialog.sign-in",
    { "aria-labelledby": "sign-in-title", testid: "sign-in", oncancel: (event) => event.preventDefault() },
    form(
      {},
      send,
      h("p.sign-in-brand", {}, h("span.brand-mark", { "aria-hidden": "true" }, drawing(pageOfKind("session").icon)), "netd"),
      h("h1", { id: "sign-in-title" }, "Sign in"),
      h("p", {}, "This netd wants to know who you are. ", h("span.sign-in-host", {}, location.host)),
      when(isReadable, unencrypted),
      // password managers keep a password for a user: here that is netd itself
      h("input", { type: "text", name: "username", autocomplete: "username", value: "netd", hidden: true, readonly: true }),
      h("div.sign-in-token", {}, field("Token", token), reveal(isShown)),
      h(
        "p.outcome",
        { id: "sign-in-outcome", role: "alert", "data-state": "trouble", testid: "sign-in-outcome" },
        choice(reason, (text) => (text === "" ? null : h("span", {}, prose(text)))),
      ),
      h(
        "button.main",
        { type: "submit", testid: "sign-in-button", "aria-busy": () => (isBusy.value ? "true" : null) },
        isReadable() ? "Sign in unencrypted" : "Sign in",
      ),
      h("p.hint", {}, "You stay signed in on this browser until you sign out, or nobody uses it for long. The token is not kept."),
      h("details", {}, h("summary", {}, "No token yet?"), h("p.hint", {}, "One is made where netd runs:"), newToken()),
    ),
  );
  effect(() => {
    const isWanted = state.value.name === "unauthorised";
    if (isWanted && !dialog.open && isThere.value) {
      dialog.showModal();
      token.focus();
    }
    if (state.value.name === "live" && dialog.open) dialog.close();
  });
  queueMicrotask(() => (isThere.value = true)); // a dialog opens only within the page
  return dialog;
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

const newToken = () => commandLineToCopy(() => "netd token add NAME --role operator");

/** @param {import("./signal.js").Writable<boolean>} isShown */
const reveal = (isShown) =>
  h(
    "button.quiet",
    {
      type: "button",
      testid: "show-token",
      "aria-pressed": () => String(isShown.value),
      onclick: () => (isShown.value = !isShown.value),
    },
    () => (isShown.value ? "Hide" : "Show"),
  );

const unencrypted = () =>
  h(
    "div.warning",
    { role: "note", testid: "unencrypted" },
    h("strong", {}, "This connection is not encrypted."),
    h(
      "p",
      {},
      ...prose(
        "Whoever is on the network in between can read the token, and act in your name. `tls = yes` in netd's `[gateway]`, or a proxy with TLS, ends that.",
      ),
    ),
  );
