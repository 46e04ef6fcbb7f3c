/** What JSON Schemas of netd's operations say of a value: which members it has, and what it is measured in. Pure. */

import { covers } from "./subjects.js";

/** A JSON Schema in which nothing refers to anything; {} is any value. @typedef {Record<string, any>} Schema */

/** @type {Schema} */
export const ANY = {};

/** Whether a schema says nothing. @param {Schema} schema */
export const isAny = (schema) => Object.keys(schema).length === 0;

/** The schema, or each of its alternatives. @param {Schema} schema @returns {Schema[]} */
export const alternatives = (schema) => schema.anyOf ?? schema.oneOf ?? [schema];

/** The schema of a member of an object. @param {Schema} schema @param {string} name @returns {Schema} */
export function memberOf(schema, name) {
  for (const { properties = {}, additionalProperties } of alternatives(schema)) {
    if (Object.hasOwn(properties, name)) return properties[name];
    if (typeof additionalProperties === "object") return additionalProperties;
  }
  return ANY;
}

/** The schema of the items of an array. @param {Schema} schema @returns {Schema} */
export const itemsOf = (schema) => alternatives(schema).find((one) => typeof one.items === "object")?.items ?? ANY;

/** What a value is measured in, or is: "seconds", "epoch", …; "" where nothing is said. @param {Schema} schema @returns {string} */
export const formatOf = (schema) => alternatives(schema).find((one) => one.format !== undefined)?.format ?? "";

/** An entry of `system.subjects`: a pattern, and the schema of events under it. @typedef {{subject: string, schema: Schema}} Published */

/** The schema of events under *subject*. @param {Published[]} published @param {string} subject @returns {Schema} */
export const schemaOf = (published, subject) => published.find((one) => covers(one.subject, subject))?.schema ?? ANY;

/** The schema of the status of *kind*, in that of `system.status`. @param {Schema} schema @param {string} kind */
export function statusOf(schema, kind) {
  const statuses = alternatives(itemsOf(memberOf(schema, "services")));
  return statuses.find((one) => memberOf(one, "kind").const === kind) ?? ANY;
}
