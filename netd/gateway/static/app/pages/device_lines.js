/** The messages to and from devices, in the order of their times. Pure. */

/**
 * @typedef {object} Line
 * @property {number} key @property {number} time @property {"to"|"from"} direction
 * @property {string} device @property {string} where the instance of its relay.
 * @property {string} said
 */

/**
 * *lines*, newest first, with one more. What is told again after a gap is there already.
 * @param {Line[]} lines @param {Line} line @param {boolean} isNew false for what is replayed. @param {number} most
 */
export function entered(lines, line, isNew, most) {
  const isSame = (one) =>
    one.time === line.time && one.device === line.device && one.where === line.where && one.direction === line.direction && one.said === line.said;
  if (!isNew && lines.some(isSame)) return lines;
  const place = lines.findIndex(({ time }) => time <= line.time);
  const at = place < 0 ? lines.length : place;
  return [...lines.slice(0, at), line, ...lines.slice(at)].slice(0, most);
}
