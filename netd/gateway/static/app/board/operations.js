/** Operations with the service that a tile names, instead of the one that is chosen on the page. */

import { signal } from "../signal.js";

/** A service that is not chosen, but named, as `action` takes it. @param {string} name @returns {any} */
export const fixedInstance = (name) => ({ name: signal(name), params: (given = {}) => ({ ...given, instance: name }) });
