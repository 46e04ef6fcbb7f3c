/** The token of this tab: in its session storage, and nowhere else. An address may bring one, for screens that nobody signs in at. */

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
  const [inHash, inSearch] = [tokenIn(location.hash), tokenIn(location.search)];
  if (inHash.rest !== location.hash || inSearch.rest !== location.search)
    history.replaceState(null, "", `${location.pathname}${inSearch.rest}${inHash.rest}`);
  const token = inHash.token ?? inSearch.token;
  if (token !== null) storeToken(token);
  return token !== null;
}

takeToken(); // before the first connection, and before the router reads the address
