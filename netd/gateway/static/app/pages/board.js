/** Boards: the list of them, one to look at and edit, and one on a wall. */

import { boardsPage } from "../board/list.js";
import { boardPage } from "../board/page.js";
import { boardList } from "../board/store.js";
import { wall } from "../board/wall.js";
import { choice, h } from "../dom.js";
import { place } from "../router.js";
import { sheet } from "../sheet.js";

await sheet("board");

export function board() {
  const list = boardList();
  const names = () => list.all.peek().map(({ name }) => name);
  const shown = () => (place.value.page === "board" ? JSON.stringify([place.value.item, place.value.query]) : null);
  return h(
    "div.board-page",
    {},
    choice(shown, (text) => {
      if (text === null) return null; // the page is about to be left
      const [name, query] = JSON.parse(text);
      if (name === null) return boardsPage(list);
      return "wall" in query ? wall(name, query) : boardPage(name, names);
    }),
  );
}
