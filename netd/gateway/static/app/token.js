/**
 * The token of a screen that nobody signs in at, such as a board on a wall: the address brings it, behind the #, which browsers send
 * to nobody. It is kept in the session storage of its tab. Everybody else has a session (session.js).
 */

const KEY = "netd.token";

/** @returns {string|null} */
export const storedToken = () => sessionStorage.getItem(KEY);

/** @param {string} token */
export const storeToken = (token) => sessionStorage.setItem(KEY, token);

export const forgetToken = () => sessionStorage.removeItem(KEY);

/**
 * The token in the fragment of an address, and the fragment without it.
 * @param {string} hash @returns {{token: string|null, rest: string}}
 */
export function tokenIn(hash) {
  const [path, query] = hash.split("?");
  const parts = (query ?? "").split("&").filter(Boolean);
  const given = parts.filter((part) => part.startsWith("token="));
  const others = parts.filter((part) => !part.startsWith("token="));
  const token = new URLSearchParams(given[0]).get("token");
  return { token: token || null, rest: given.length ? path + (others.length ? `?${others.join("&")}` : "") : hash };
}

/** Store the token that the address brings, and remove it from the address and the browser's history. @returns {boolean} */
export function takeToken() {
  const { token, rest } = tokenIn(location.hash);
  if (rest !== location.hash) history.replaceState(null, "", `${location.pathname}${location.search}${rest}`);
  if (token !== null) storeToken(token);
  return token !== null;
}

takeToken(); // before the first connection, and before the router reads the address
