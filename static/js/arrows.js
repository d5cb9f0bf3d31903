// The roll by keyboard: arrows, Home, End, PageUp and PageDown move the focus from photo to photo; Space chooses.
import { pieceOf } from "./days.js";

let moves = Promise.resolve(); // one after the other: a photo may have to be fetched first

/** Do what a key asks for. */
export function move(view, key) {
  moves = moves.then(() => act(view, key)).catch(console.error);
}

async function act(view, key) {
  const from = document.activeElement.closest?.(".cell");
  if (key === " ") {
    if (!from) return;
    from.link.dispatchEvent(new CustomEvent("roll:toggle", { bubbles: true, detail: { id: Number(from.dataset.id) } }));
  } else if (key === "Home") await focus(view, 0);
  else if (key === "End") await focus(view, view.roll.total - 1);
  else if (!from) view.root.querySelector('.cell > [tabindex="0"]')?.focus();
  else if (key === "ArrowLeft") await focus(view, from.rank - 1);
  else if (key === "ArrowRight") await focus(view, from.rank + 1);
  else if (key === "ArrowUp") await step(view, from, -1, 0);
  else if (key === "ArrowDown") await step(view, from, 1, 0);
  else await step(view, from, key === "PageUp" ? -1 : 1, innerHeight - view.bar - 160);
}

const cellsOf = (view) => [...view.shown.values()].filter((el) => el.link);

/** Go up or down by a row, or by so many pixels: to the photo that stands nearest there. */
async function step(view, from, way, far) {
  const [x, y] = [from.x + from.box.w / 2, from.y + way * far];
  if (far) {
    view.goTo(view.place() + way * far);
    view.render();
    await settled(view);
  }
  const beyond = cellsOf(view).filter((cell) => way * (cell.y - y) > (far ? -cell.box.h : 1));
  if (!beyond.length) return focus(view, way < 0 ? Math.max(0, from.rank - 1) : from.rank + 1);
  const nearest = Math.min(...beyond.map((cell) => Math.abs(cell.y - y)));
  const row = beyond.filter((cell) => Math.abs(cell.y - y) === nearest);
  const off = (cell) => Math.abs(cell.x + cell.box.w / 2 - x);
  await focus(view, row.reduce((best, cell) => (off(cell) < off(best) ? cell : best)).rank);
}

async function settled(view) {
  const from = view.place() - view.base;
  const blocks = new Set(view.piecesIn(view.roll, from, from + innerHeight).map((piece) => piece.block));
  await Promise.all(Array.from(blocks, (block) => view.load(block)));
  view.render();
}

async function focus(view, rank) {
  if (rank < 0 || rank >= view.roll.total) return;
  const find = () => cellsOf(view).find((cell) => cell.rank === rank && cell.isConnected);
  if (!find()) {
    view.goToRank(rank, innerHeight / 3);
    await view.load(pieceOf(view.roll, rank).block);
    view.render();
  }
  const cell = find();
  if (!cell) return;
  cell.link.focus({ preventScroll: true });
  const y = cell.y + view.base - view.place();
  const above = y - view.bar - 68;
  const below = y + cell.box.h + 8 - innerHeight;
  if (above < 0 || below > 0) view.goTo(view.place() + (above < 0 ? above : below));
  view.render();
}
