/** What somebody did, as the events of the audit tell it: calls of operations, messages to devices, runs of commands. Pure. */

/** The subjects of these events. */
export const DEEDS = ["audit.>", "relay.*.outcome.*", "command.*.run"];

/** The arguments that may say what an operation was about, the best first. */
const ABOUT = ["target", "device", "agent", "room", "command_id", "subject", "name", "session"];

const GOOD = new Set(["done", "sent", "acknowledged", "success"]);

/**
 * @typedef {object} Deed
 * @property {string} key the same for the same event, whoever tells it.
 * @property {number} time
 * @property {string} where the instance that tells it: of another node, "main@north".
 * @property {string} who
 * @property {string} from the address.
 * @property {string} what
 * @property {string} given the arguments, or the message.
 * @property {string} about
 * @property {string} outcome
 * @property {string} error
 * @property {"ok"|"trouble"} state
 * @property {number} seconds
 */

/** @param {{subject: string, data: any, time: number}} event @returns {Deed} */
export function deedOf({ subject, data, time }) {
  const [kind, where] = subject.split(".", 2);
  const own = kind === "audit" ? called(data) : kind === "relay" ? sent(data) : ran(data);
  const { from, error = "", seconds } = data;
  const state = /** @type {"ok"|"trouble"} */ (GOOD.has(own.outcome) ? "ok" : "trouble");
  return { key: `${subject} ${JSON.stringify(data)}`, time: data.time ?? time, where, from, error, seconds, state, ...own };
}

const called = ({ who, operation, arguments: given, outcome }) => ({
  who,
  what: operation,
  given: listed(given),
  about: aboutOf(given),
  outcome,
});

/** @param {Record<string, any>} given */
const aboutOf = (given) => String(ABOUT.map((name) => given[name]).find((value) => ["string", "number"].includes(typeof value)) ?? "");

const sent = ({ device, request, status, from }) => ({
  ...caller(from),
  what: "message",
  given: request,
  about: device,
  outcome: status,
});

const ran = ({ command_id: about, arguments: given, outcome, from }) => ({
  ...caller(from),
  what: "command",
  given: listed(given),
  about,
  outcome,
});

/** "user root, control socket": who, and from where. Programs have an address alone. @param {string} said */
function caller(said) {
  const [who, ...from] = said.split(", ");
  return from.length ? { who, from: from.join(", ") } : { who: "", from: said };
}

/** Arguments in one line. */
const listed = (given) =>
  Object.entries(given ?? {})
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" ");

/** Whether *text* is somewhere in a deed. @param {Deed} deed @param {string} text */
export function mentions(deed, text) {
  const wanted = text.trim().toLowerCase();
  return wanted === "" || `${deed.who} ${deed.from} ${deed.key}`.toLowerCase().includes(wanted);
}

/**
 * The *known* deeds and *more* of them, newest first, each once, and at most so many.
 * @param {Deed[]} known @param {Deed[]} more @param {number} most
 */
export function merged(known, more, most) {
  const all = new Map([...known, ...more].map((deed) => [deed.key, deed]));
  return once([...all.values()])
    .sort((one, other) => other.time - one.time)
    .slice(0, most);
}

/** Operations of which an event of their own tells what came of it, and what such deeds are called. @type {Record<string, string>} */
const TOLD = { "relay.send": "message", "command.run": "command" };
/** Seconds between the end of such a call and that event, at most. They are published in the same turn. */
const AT_ONCE = 0.1;

/** Without the calls of which an event of their own, at the same time and by the same caller, tells more. @param {Deed[]} deeds */
function once(deeds) {
  /** @type {Map<string, number[]>} */
  const told = new Map();
  const nameOf = (what, { who, from }) => `${what} ${who} ${from}`;
  for (const deed of deeds) {
    const name = nameOf(deed.what, deed);
    if (!told.has(name)) told.set(name, []);
    told.get(name)?.push(deed.time);
  }
  const isTold = (deed) =>
    deed.what in TOLD && told.get(nameOf(TOLD[deed.what], deed))?.some((time) => Math.abs(time - deed.time) < AT_ONCE);
  return deeds.filter((deed) => !isTold(deed));
}
