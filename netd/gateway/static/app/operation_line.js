/** Operations with their arguments as command lines. Pure. */

import { commandLine } from "./commandline.js";

/** @typedef {import("./commandline.js").Option} Option */

/**
 * An operation as a command line: required arguments are words, the others are options.
 * @param {import("./connection.js").Operation} operation
 * @param {Record<string, any>} given the arguments that are known; the others are shown by their names.
 * @param {string|null} instance null where there is only one.
 */
export function operationLine({ name, arguments: args }, given, instance) {
  const dot = name.indexOf(".");
  /** @type {(string|Option|null)[]} */
  const words = args.map(({ name: argument, required }) => {
    const value = given[argument];
    const flag = argument.replaceAll("_", "-");
    if (required) return value === undefined || value === "" ? argument.toUpperCase() : wordOf(value);
    if (typeof value === "boolean") return value ? `--${flag}` : `--no-${flag}`;
    return value === undefined ? null : [`--${flag}`, wordOf(value)];
  });
  return commandLine(name.slice(0, dot), name.slice(dot + 1), ...words, ["--instance", instance]);
}

const wordOf = (value) => (typeof value === "string" ? value : JSON.stringify(value));

/** One argument of `netd call`: NAME=VALUE, or NAME:=JSON where VALUE could be read as another type. */
export function namedArgument(name, value, schema = {}) {
  if (typeof value === "string" && (schema.type === "string" || !isJson(value))) return `${name}=${value}`;
  if (typeof value === "number" || typeof value === "boolean") return `${name}=${value}`;
  return `${name}:=${JSON.stringify(value)}`;
}

function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return ["yes", "no", "on", "off"].includes(text.toLowerCase());
  }
}
