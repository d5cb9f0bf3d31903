// The roll after photos came or went: the new length, then what of it is in view, and only then what is shown changes.
import { layOut, pieceOf, read, top } from "./days.js";

let isAsked = false;
let busy = false;

/** Bring the roll up to date; whatever is looked at stays where it is. */
export async function update(view) {
  isAsked = true;
  if (busy) return;
  busy = true;
  while (isAsked) {
    isAsked = false;
    await change(view).catch(console.error);
    await new Promise((later) => setTimeout(later, 400));
  }
  busy = false;
}

async function again(view) {
  const answer = await fetch(view.root.dataset.timeline);
  if (!answer.ok || answer.redirected) throw new Error(`${answer.status} for the roll`);
  return read(await answer.json());
}

/** Nothing is left: the server says what there is to do now. While a photo is open over the list, once it is closed. */
function startAgain(view) {
  if (location.pathname === view.path) location.reload();
  else addEventListener("popstate", () => location.reload(), { once: true });
}

async function change(view) {
  const old = view.roll;
  const next = await (view.list.again?.(old.total && view.whereNow().rank) ?? again(view));
  if (!old.total && next.total) return view.begin({}, null, next);
  if (!next.total) return old.total ? startAgain(view) : undefined;
  const isTop = view.place() <= view.base;
  const at = view.whereNow();
  const piece = pieceOf(old, at.rank);
  const photo = piece.block.photos?.[piece.at + at.rank - piece.first];
  const mark = { day: piece.day.date, nth: at.rank - piece.day.first, id: photo?.[0] };
  const loaded = keep(old, next);
  layOut(next, old.look);
  const y = isTop ? 0 : top(pieceOf(next, view.find(mark, next)));
  const inView = () => view.piecesIn(next, y - innerHeight, y + 2 * innerHeight).map((one) => one.block);
  const arrived = await Promise.all(Array.from(new Set(inView()), (block) => fetchBlock(view, block)));
  if (arrived.includes(null)) {
    isAsked = true; // it has changed once more
    return;
  }
  view.roll = next;
  view.loaded = [];
  for (const [block, photos] of [...loaded, ...arrived]) view.take(block, photos);
  view.goal = isTop ? null : { rank: view.find(mark), off: at.off };
  view.fit();
  view.goTo(isTop ? 0 : view.placeOf(view.goal));
  view.scrubber.draw();
  view.render();
}

const nameOf = ({ from, part, month, count }) => [from, part, month.version, count].join(" ");

/** Pair the new blocks with the photos of unchanged ones; a list's pages have no version to tell by. */
function keep(old, next) {
  const known = new Map();
  for (const { block } of old.pieces) if (block.photos && !block.url) known.set(nameOf(block), block.photos);
  const blocks = new Set(next.pieces.map((piece) => piece.block));
  return [...blocks].filter((block) => (block.photos = known.get(nameOf(block)) ?? null)).map((block) => [block, block.photos]);
}

async function fetchBlock(view, block) {
  const photos = block.photos ?? (await view.list.photosOf(block));
  return photos?.length === block.count ? [block, photos] : null;
}
