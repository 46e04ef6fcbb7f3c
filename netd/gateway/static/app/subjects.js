/** Patterns of subjects, as netd reads them: `*` matches one token, a final `>` one or more. Pure. */

/** The longest token that netd makes of a text. */
const LONGEST_TOKEN = 64;

/** *text* made into one token, as netd does that with names. @param {string} text */
export function tokenOf(text) {
  const plain = text.replace(/[^A-Za-z0-9_-]+/g, "-").replace(/^-+|-+$/g, "");
  return plain.slice(0, LONGEST_TOKEN).replace(/-+$/, "") || "_";
}

/** Whether *pattern* matches every subject that *other* matches. */
export function covers(pattern, other) {
  const [mine, theirs] = [pattern.split("."), other.split(".")];
  for (const [index, token] of mine.entries()) {
    if (token === ">") return theirs.length > index;
    if (index >= theirs.length || theirs[index] === ">") return false;
    if (token !== "*" && token !== theirs[index]) return false;
  }
  return mine.length === theirs.length;
}

/** The pattern of the subjects that both *one* and *other* match; null for none. */
export function common(one, other) {
  const [mine, theirs] = [one.split("."), other.split(".")];
  const shared = [];
  for (let index = 0; ; index += 1) {
    const [left, right] = [mine[index], theirs[index]];
    if (left === undefined || right === undefined) return left === right ? shared.join(".") : null;
    if (left === ">") return [...shared, ...theirs.slice(index)].join(".");
    if (right === ">") return [...shared, ...mine.slice(index)].join(".");
    if (left !== right && left !== "*" && right !== "*") return null;
    shared.push(left === "*" ? right : left);
  }
}

/**
 * The parts of *pattern* that lie within *allowed*; no part covers another.
 * @param {string} pattern @param {string[]|null} allowed null for everything. @returns {string[]}
 */
export function within(pattern, allowed) {
  if (allowed === null) return [pattern];
  const parts = [...new Set(allowed.map((one) => common(one, pattern)).filter((one) => one !== null))];
  return parts.filter((part) => !parts.some((other) => other !== part && covers(other, part)));
}
