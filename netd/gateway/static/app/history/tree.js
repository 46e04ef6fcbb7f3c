/** The tree of recorded subjects, by level. Pure. */

/**
 * A series, as `history.subjects` tells it.
 * @typedef {{subject: string, label: string, unit: string, first: number, last: number, count: number, numeric: boolean}} Recorded
 */

/**
 * A level of the tree: what begins with *path*.
 * @typedef {{path: string, name: string, leaf: Recorded|null, count: number}} Branch `count` is of the subjects below.
 */

/**
 * What is directly below *path*; "" for the top. A subject with two units is two series, and one leaf. A branch without a choice is told together with what is below it.
 * @param {Recorded[]} series @param {string} path @returns {Branch[]}
 */
export function below(series, path) {
  const prefix = path === "" ? "" : `${path}.`;
  /** @type {Map<string, Branch>} */
  const found = new Map();
  for (const one of new Map(series.map((each) => [each.subject, each])).values()) {
    if (!one.subject.startsWith(prefix)) continue;
    const rest = one.subject.slice(prefix.length);
    const dot = rest.indexOf(".");
    const name = dot < 0 ? rest : rest.slice(0, dot);
    const key = `${dot < 0 ? "leaf" : "branch"} ${name}`;
    const known = found.get(key) ?? { path: prefix + name, name, leaf: dot < 0 ? one : null, count: 0 };
    known.count += 1;
    found.set(key, known);
  }
  return [...found.values()].map((branch) => (branch.leaf === null ? shortened(series, branch) : branch)).sort(byName);
}

const byName = (one, other) => one.name.localeCompare(other.name, undefined, { numeric: true });

/** A branch that has one branch only below it, together with this one. */
function shortened(series, branch) {
  const next = new Set();
  const prefix = `${branch.path}.`;
  for (const { subject } of series) {
    if (!subject.startsWith(prefix)) continue;
    const [token, ...more] = subject.slice(prefix.length).split(".");
    if (more.length === 0) return branch;
    next.add(token);
    if (next.size > 1) return branch;
  }
  const [only] = next;
  return shortened(series, { ...branch, path: prefix + only, name: `${branch.name}.${only}` });
}

/** The series that have all words of *text* in subject, label or unit. @param {Recorded[]} series @param {string} text */
export function matching(series, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return series.filter(({ subject, label, unit }) => {
    const all = `${subject} ${label} ${unit}`.toLowerCase();
    return words.every((word) => all.includes(word));
  });
}
