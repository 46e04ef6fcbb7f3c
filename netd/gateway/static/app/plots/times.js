/** The ticks of a time axis, at round local times of any zone, over changes of its offset too. Pure. */

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;
/** The steps in seconds; longer ones count months. */
const STEPS = [
  ...[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6, 12].map((hours) => hours * HOUR),
  ...[1, 2, 7, 14].map((days) => days * DAY),
];
const MONTH_STEPS = [1, 2, 3, 6, 12, 24, 60, 120];
const MONTH = 30 * DAY;
/** Monday, 5 January 1970: steps of whole weeks begin there. */
const MONDAY = 4 * DAY;

/** @type {Map<string, {parts: Intl.DateTimeFormat, day: Intl.DateTimeFormat}>} */
const formats = new Map();

function formatsOf(zone) {
  let known = formats.get(zone);
  if (known === undefined) {
    /** @type {Intl.DateTimeFormatOptions} */
    const fields = { year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" };
    const parts = new Intl.DateTimeFormat("en-US", { ...fields, hourCycle: "h23", timeZone: zone });
    const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" });
    formats.set(zone, (known = { parts, day }));
  }
  return known;
}

/** How far the clocks of *zone* are ahead of UTC at *time*, in seconds. @param {number} time @param {string} zone */
export function offsetAt(time, zone) {
  const second = Math.floor(time);
  /** @type {Record<string, number>} */
  const read = {};
  for (const { type, value } of formatsOf(zone).parts.formatToParts(second * 1000)) read[type] = Number(value);
  return Date.UTC(read.year, read.month - 1, read.day, read.hour, read.minute, read.second) / 1000 - second;
}

/** The parts of a span with one offset each. @returns {{from: number, to: number, offset: number}[]} */
function offsets(from, to, zone) {
  const [first, last] = [offsetAt(from, zone), offsetAt(to, zone)];
  if (to - from > 40 * DAY) {
    const middle = Math.round((from + to) / 2);
    return joined([...offsets(from, middle, zone), ...offsets(middle, to, zone)]);
  }
  if (first === last) return [{ from, to, offset: first }];
  let [low, high] = [from, to];
  while (high - low > 0.5) {
    const middle = (low + high) / 2;
    if (offsetAt(middle, zone) === first) low = middle;
    else high = middle;
  }
  const change = Math.round(high);
  return [
    { from, to: change, offset: first },
    { from: change, to, offset: last },
  ];
}

function joined(parts) {
  const found = [];
  for (const part of parts) {
    const last = found.at(-1);
    if (last?.offset === part.offset) last.to = part.to;
    else found.push({ ...part });
  }
  return found;
}

/** @typedef {{time: number, word: string, day: string}} Tick `day` is set where another day begins. */

/** The day of *time*, as ticks name it. @param {number} time @param {string} zone */
export const dayOf = (time, zone) => dayWord(time + offsetAt(time, zone), zone);

/**
 * At most about *most* ticks from *from* to *to*.
 * @param {number} from @param {number} to @param {number} most @param {string} zone
 * @param {string} [today] the day that need not be named at the first tick, see `dayOf`.
 * @returns {Tick[]}
 */
export function timeTicks(from, to, most, zone, today = "") {
  const rough = (to - from) / Math.max(1, most);
  const step = STEPS.find((one) => one >= rough);
  const parts = offsets(from, to, zone);
  return step === undefined ? monthTicks(from, to, rough, zone, parts) : secondTicks(step, parts, zone, today);
}

function secondTicks(step, parts, zone, today) {
  /** @type {Tick[]} */
  const ticks = [];
  const base = step % (7 * DAY) === 0 ? MONDAY : 0;
  let before = today;
  for (const { from, to, offset } of parts) {
    const first = Math.ceil((from + offset - base) / step - 1e-9);
    for (let index = first; index * step + base - offset < to; index += 1) {
      const local = Number((index * step).toFixed(3)) + base;
      const day = dayWord(local, zone);
      ticks.push({
        time: local - offset,
        word: step < DAY ? clockWord(local, step) : day,
        day: step < DAY && day !== before ? day : "",
      });
      before = day;
    }
  }
  return ticks;
}

function monthTicks(from, to, rough, zone, parts) {
  const step = MONTH_STEPS.find((one) => one * MONTH >= rough) ?? 120;
  const begin = new Date((from + parts[0].offset) * 1000);
  const months = begin.getUTCFullYear() * 12 + begin.getUTCMonth();
  /** @type {Tick[]} */
  const ticks = [];
  for (let index = Math.ceil(months / step); ; index += 1) {
    const local = Date.UTC(Math.floor((index * step) / 12), (index * step) % 12) / 1000;
    const time = local - (parts.find((one) => local - one.offset < one.to) ?? parts.at(-1)).offset;
    if (time >= to) return ticks;
    const date = new Date(local * 1000);
    const year = String(date.getUTCFullYear());
    const word = new Intl.DateTimeFormat(undefined, { month: "short", timeZone: "UTC" }).format(date);
    if (time >= from)
      ticks.push({
        time,
        word: step >= 12 ? year : word,
        day: step < 12 && (ticks.length === 0 || date.getUTCMonth() === 0) ? year : "",
      });
  }
}

const dayWord = (local, zone) => formatsOf(zone).day.format(local * 1000);

const two = (number) => String(number).padStart(2, "0");

function clockWord(local, step) {
  const inDay = ((local % DAY) + DAY) % DAY;
  const [hours, minutes, seconds] = [Math.floor(inDay / HOUR), Math.floor(inDay / MINUTE) % 60, inDay % MINUTE];
  const clock = `${two(hours)}:${two(minutes)}`;
  if (step >= MINUTE) return clock;
  const decimals = step >= 1 ? 0 : step >= 0.1 ? 1 : 2;
  return `${clock}:${seconds.toFixed(decimals).padStart(decimals ? 3 + decimals : 2, "0")}`;
}
