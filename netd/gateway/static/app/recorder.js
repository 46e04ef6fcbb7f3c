/** The recorder that pages ask, and whether there is one. */

import { isLive, netd, operations, servicesOf } from "./connection.js";
import { instanceOf } from "./instances.js";
import { isFar } from "./nodes.js";
import { audible } from "./rights.js";
import { computed } from "./signal.js";

const QUERY = "history.query";

/** Whether *operation* of the recorder can be called. A confined token sees no recorder among the services, and may call it. */
export const offers = (operation) => operations.value.has(operation);

/** Whether other nodes record: then a question that names no recorder is one to all of them. */
const hasNodes = () => (operations.value.get(QUERY)?.instances ?? []).some((instance) => isFar({ instance }));

/** Which [recorder] is meant, where there are several; in a cluster, all of them unless the user has picked one. */
export const recorder = instanceOf("recorder", hasNodes);

/** Whether there is a recorder that can be asked for samples. */
export const remembers = computed(() => offers(QUERY));

/** Whether it can be asked now. */
export const isReady = () => isLive.peek() && remembers.peek();

/** Call an operation of the recorder. @param {string} operation @param {object} params @returns {Promise<any>} */
export const askRecorder = (operation, params) => netd.call(operation, recorder.params(params) ?? params);

/** The first recorder that does not record, or else the one that is meant, as its status tells; null where there is none. */
export const recording = computed(() => {
  const all = servicesOf("recorder").filter((one) => one.state !== undefined && !isFar(one));
  return all.find((one) => one.state !== "recording") ?? all.find((one) => one.instance === recorder.name.value) ?? null;
});

/** The parts of *pattern* that the token covers. */
export const within = (pattern) => audible(pattern);
