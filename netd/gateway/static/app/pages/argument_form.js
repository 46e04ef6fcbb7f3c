/** A form made of JSON Schemas: one input for each argument. */

import { field } from "../action.js";
import { h } from "../dom.js";
import { excerpt } from "../format.js";

/** Names of JSON Schema's types for people. @type {Record<string, string>} */
const KINDS = {
  any: "any JSON or text",
  enum: "one of these",
  string: "text",
  boolean: "yes or no",
  integer: "whole number",
  array: "JSON array",
  object: "JSON object",
};

/** Types that stand with an article in a sentence. */
const COUNTED = new Set(["integer", "number", "array", "object"]);

const kindOf = (type) => KINDS[type] ?? type;
const withArticle = (type) => (COUNTED.has(type) ? `a ${kindOf(type)}` : kindOf(type));

/** An argument has a wrong value; the message tells why. */
export class UnfitArgument extends Error {}

/**
 * @typedef {object} Argument
 * @property {string} name @property {boolean} required @property {Record<string, any>} schema @property {any} [default]
 */

/** The types that *schema* allows; "any" where it names none. @param {any} schema @returns {string[]} */
function typesOf(schema) {
  const branches = schema.anyOf ?? schema.oneOf ?? [schema];
  return branches.flatMap((one) => (one.type === undefined ? (one.enum ? ["enum"] : ["any"]) : one.type));
}

/** @param {any} schema @returns {any[]} */
const choicesOf = (schema) => (schema.anyOf ?? [schema]).flatMap((one) => one.enum ?? []);

/**
 * The inputs for *args*.
 * @param {Argument[]} args
 * @param {() => void} changed is called after each input.
 * @returns {{element: Element, read: () => object, peek: () => object}} `read` gives the arguments, and throws where one is wrong;
 *   `peek` gives those that are right.
 */
export function argumentForm(args, changed) {
  const inputs = args.map((argument) => ({ argument, input: inputFor(argument, changed) }));
  const element = h(
    "div.arguments",
    { testid: "arguments" },
    inputs.map(({ argument, input }) => labelled(argument, input.element)),
  );
  const read = () => {
    /** @type {Record<string, any>} */
    const given = {};
    for (const { argument, input } of inputs) {
      const value = input.read();
      if (value !== undefined) given[argument.name] = value;
      else if (argument.required) throw new UnfitArgument(`${argument.name}: this argument is missing.`);
    }
    return given;
  };
  const peek = () => Object.fromEntries(inputs.map(({ argument, input }) => [argument.name, attempt(input.read)]));
  return { element, read, peek };
}

/** The result of *read*; undefined where it throws. */
function attempt(read) {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function labelled(argument, element) {
  const kinds = typesOf(argument.schema).map(kindOf);
  const otherwise = argument.required
    ? ""
    : argument.default === undefined
      ? "; optional"
      : `; otherwise ${JSON.stringify(argument.default)}`;
  return field(argument.name, element, kinds.join(" or ") + otherwise);
}

function inputFor(argument, changed) {
  const types = typesOf(argument.schema);
  const attributes = { testid: `argument-${argument.name}`, required: argument.required };
  const choices = choicesOf(argument.schema);
  if (choices.length) return choose(choices, argument, attributes, changed);
  if (types.length === 1 && types[0] === "boolean") return choose([true, false], argument, attributes, changed);
  const isNumber = types.every((type) => ["integer", "number", "null"].includes(type));
  const isLong = types.some((type) => ["array", "object"].includes(type));
  const element = isLong
    ? h("textarea", {
        ...attributes,
        rows: "2",
        spellcheck: "false",
        oninput: changed,
        placeholder: types.includes("array") ? "[…]" : "{…}",
      })
    : h("input", {
        ...attributes,
        type: isNumber ? "number" : "text",
        step: isNumber ? (types.includes("number") ? "any" : "1") : null,
        spellcheck: "false",
        oninput: changed,
      });
  return { element, read: () => valueOf(element.value, types, argument) };
}

function choose(choices, argument, attributes, changed) {
  const element = h(
    "select",
    { ...attributes, onchange: changed },
    argument.required ? null : h("option", { value: "" }, "–"),
    choices.map((one) => h("option", { value: JSON.stringify(one) }, one === true ? "yes" : one === false ? "no" : String(one))),
  );
  return { element, read: () => (element.value === "" ? undefined : JSON.parse(element.value)) };
}

/** *text* as a value of one of *types*; undefined where nothing was written. */
function valueOf(text, types, argument) {
  if (text === "" && !(argument.required && types.includes("string"))) return undefined;
  if (types.every((type) => type === "string" || type === "null")) return text;
  const { json, error } = parsed(text);
  const fits =
    json !== undefined &&
    (types.includes("any") || types.includes(typeOf(json)) || (typeOf(json) === "integer" && types.includes("number")));
  if (fits) return json;
  if (types.includes("string") || types.includes("any")) return text;
  const wanted = types.map(withArticle).join(" or ");
  throw new UnfitArgument(`${argument.name} must be ${wanted}, not ${excerpt(text, 80)}${error ? `: ${error}` : ""}`);
}

/** *text* parsed as JSON, or the error. */
function parsed(text) {
  try {
    return { json: JSON.parse(text), error: "" };
  } catch (error) {
    return { json: undefined, error: error.message };
  }
}

function typeOf(value) {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : typeof value;
}
