/** Operations with the service that a tile names, instead of the one that is chosen on the page. */

import { commandLine } from "../commandline.js";
import { servicesOf } from "../connection.js";
import { signal } from "../signal.js";

/** A service that is not chosen, but named. @param {string} name @param {string} [kind] @returns {any} */
export function fixedInstance(name, kind = "") {
  return {
    name: signal(name),
    params: (given = {}) => ({ ...given, instance: name }),
    option: () => (servicesOf(kind).length > 1 ? name : null),
    line: (...words) => commandLine(...words, ["--instance", servicesOf(kind).length > 1 ? name : null]),
  };
}
