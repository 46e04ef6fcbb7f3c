/**
 * This browser's session with netd: begun with a token, which is then forgotten. The page keeps the page key alone, in its local
 * storage; the other half is a cookie that no script can read.
 */

/** Pages of other gateways behind the same proxy have the same storage, at other paths. */
const KEY = `netd.page ${new URL(".", document.baseURI).pathname}`;

/** @returns {string|null} */
export const storedPage = () => localStorage.getItem(KEY);

export const forgetPage = () => localStorage.removeItem(KEY);

/** Call *changed* when another tab of this browser signs in or out. @param {() => void} changed */
export const onOtherTab = (changed) => addEventListener("storage", ({ key }) => key === KEY && changed());

/** Whether what the page sends can be read on the way: it came without encryption, and not from this machine. */
export const isReadable = () => !globalThis.isSecureContext;

/** @param {string} path @param {object} body @param {string|null} [token] shown instead of the session. */
function post(path, body, token = null) {
  const page = storedPage();
  const headers = new Headers({ "Content-Type": "application/json" });
  if (token !== null) headers.set("Authorization", `Bearer ${token}`);
  else if (page !== null) headers.set("X-Netd-Page", page);
  return fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
}

/** The sentence in an answer that refuses something. @param {Response} answer */
async function reasonIn(answer) {
  const text = await answer.text();
  try {
    return JSON.parse(text).error ?? text;
  } catch {
    return text.trim() || `netd answered ${answer.status}`;
  }
}

/** Begin a session with *token*. @param {string} token @returns {Promise<string>} why netd refuses it; "" where it does not. */
export async function begin(token) {
  try {
    const answer = await post("session", { token });
    if (!answer.ok) return await reasonIn(answer);
    localStorage.setItem(KEY, (await answer.json()).page);
    return "";
  } catch (error) {
    return `netd cannot be reached: ${error.message}`;
  }
}

/** End the session: here, and at netd, if that can be reached. @returns {Promise<void>} */
export async function end() {
  forgetPage();
  await post("session", {}).catch(() => {});
}

/**
 * The *address* of a download with a ticket, which lets one request in within half a minute: a browser that follows an address
 * adds no header to it.
 * @param {string} address relative to the page. @param {string|null} token of this tab, which has no session.
 * @returns {Promise<string>}
 */
export async function withTicket(address, token) {
  const answer = await post("ticket", { path: address }, token);
  if (!answer.ok) throw new Error(await reasonIn(answer));
  return `${address}${address.includes("?") ? "&" : "?"}ticket=${(await answer.json()).ticket}`;
}
