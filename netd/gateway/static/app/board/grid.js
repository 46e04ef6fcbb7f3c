/** The grid of a board: where tiles lie, and which make way. Pure. */

/** Columns of the grid at full width. */
export const COLUMNS = 12;
/** A taller tile could not be seen whole. */
const MOST_ROWS = 100;

/**
 * A tile as the grid sees it: cells, counted from the top left.
 * @typedef {{id: string, x: number, y: number, w: number, h: number}} Placed
 */

/** @param {Placed} one @param {Placed} other */
const overlaps = (one, other) =>
  one.x < other.x + other.w && other.x < one.x + one.w && one.y < other.y + other.h && other.y < one.y + one.h;

/** Whether *tile* has room among *others*. @param {Placed} tile @param {Placed[]} others */
const isFree = (tile, others) => !others.some((other) => overlaps(tile, other));

/** The row from which on *tile* has room among *others*, at its own or below. @param {Placed} tile @param {Placed[]} others */
function lowered(tile, others) {
  let { y } = tile;
  for (let hit; (hit = others.find((other) => overlaps({ ...tile, y }, other)));) y = hit.y + hit.h;
  return y;
}

const limited = (number, least, most) => Math.max(least, Math.min(most, Math.round(number)));

/**
 * *tile* within the grid, and no smaller than *least*, in columns and rows.
 * @template {Placed} T @param {T} tile @param {[number, number]} [least] @returns {T}
 */
export function fitted(tile, [columns, rows] = [1, 1]) {
  const w = limited(tile.w, columns, COLUMNS);
  return {
    ...tile,
    w,
    h: limited(tile.h, rows, MOST_ROWS),
    x: limited(tile.x, 0, COLUMNS - w),
    y: Math.max(0, Math.round(tile.y)),
  };
}

/** In reading order: row by row. @template {Placed} T @param {T[]} tiles */
export const ordered = (tiles) => [...tiles].sort((one, other) => one.y - other.y || one.x - other.x);

/**
 * *tiles* without overlaps or holes. *moved* stays where it is put: the tiles under it make way downwards, and all others rise as far
 * as they can. Once it is dropped, the same without *moved* lets it rise, too.
 * @template {Placed} T @param {T[]} tiles @param {T} [moved] @returns {T[]} in the order of *tiles*.
 */
export function arranged(tiles, moved) {
  /** @type {T[]} */
  const fixed = moved === undefined ? [] : [moved];
  for (const tile of ordered(tiles)) {
    if (tile.id === moved?.id) continue;
    let { y } = tile;
    for (let hit; (hit = fixed.find((other) => overlaps({ ...tile, y }, other)));) y = hit.y + hit.h;
    while (y > 0 && isFree({ ...tile, y: y - 1 }, fixed)) y -= 1;
    fixed.push({ ...tile, y });
  }
  const places = new Map(fixed.map((tile) => [tile.id, tile]));
  return tiles.map(({ id }) => /** @type {T} */ (places.get(id)));
}

/** How many rows *tiles* take. @param {Placed[]} tiles */
export const rowsOf = (tiles) => Math.max(0, ...tiles.map(({ y, h }) => y + h));

/** The first place with room for a tile of this size, row by row. @param {Placed[]} tiles @returns {{x: number, y: number}} */
export function freePlace(tiles, w, h) {
  for (let y = 0; ; y += 1) {
    for (let x = 0; x + w <= COLUMNS; x += 1) if (isFree({ id: "", x, y, w, h }, tiles)) return { x, y };
  }
}

/**
 * *tiles*, of which that named *id* exchanges its place with the one before (*by* is -1) or behind it (1) in reading order.
 * @template {Placed} T @param {T[]} tiles @param {string} id @param {number} by @returns {T[]}
 */
export function exchanged(tiles, id, by) {
  const all = ordered(tiles);
  const index = all.findIndex((tile) => tile.id === id);
  const [one, other] = [all[index], all[index + by]];
  if (one === undefined || other === undefined) return tiles;
  const [first, second] = by < 0 ? [one, other] : [other, one];
  const before = all.slice(0, Math.min(index, index + by));
  const moved = fitted({ ...first, x: second.x, y: second.y });
  moved.y = lowered(moved, before); // a wide one may not fit beside those before it
  const rest = tiles.map((tile) => (tile.id === second.id ? fitted({ ...second, x: first.x, y: first.y }) : tile));
  return arranged(arranged(rest, moved));
}
