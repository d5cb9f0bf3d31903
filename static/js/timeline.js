// The roll as one long page: only what is near the window is there, and what is far away is gone again.
//
// Places are pixels of the whole roll; place() is that of the window's top. The page itself is at most TALLEST high,
// so place() = scrollY + shift, and the shift also takes up what heights turn out to be: nothing seen ever moves.
import { DAY_HEAD, HEAD, boxesOf, layOut, pieceOf, read, search, stack, top } from "./days.js";
import { isTiny, isWhole, rowHeight } from "./rows.js";
import { startScrubber } from "./scrubber.js";
import { words } from "./words.js";

const TALLEST = 8e6; // browsers end at some 17 to 33 million pixels
const FAST = 0.4; // windows in a frame; who passes faster sees outlines
const LOADED = 40; // blocks that are kept
const REST_MS = 140;
const ASKED = 8; // pictures in a frame; browsers fetch six at a time
const { lang } = document.documentElement;
const dates = (options) => {
  const format = new Intl.DateTimeFormat(lang === "en" ? "en-GB" : lang, { timeZone: "UTC", ...options });
  return (day) => format.format(new Date(day));
};
const weekdayOf = dates({ weekday: "short" });
const dateOf = dates({ dateStyle: "long" });

let [shift, lastY, stamp, fast] = [0, 0, 0];
let around = 0; // what the page is higher than roll and window
let tab; // the photo that takes part in the order of the Tab key
const flying = new Map(); // blocks on their way

/** What the modules that come later share. goal: a photo to stay at until somebody scrolls, {rank, off}. list: where its
 *  photos come from, the whole roll or a list in pages (feed.js). */
const view = { shown: new Map(), monthOf: dates({ month: "long", year: "numeric" }) };

const tallest = () => Math.min(view.roll.height, TALLEST) + around;
const isHere = () => view.root?.isConnected && view.roll.total > 0;

const longest = () => Math.max(1, view.roll.height + around);
const place = () => scrollY + shift;

/** Bring the window's top to a place, and the scroll bar to where it belongs then. */
function goTo(to) {
  const v = Math.round(Math.max(0, Math.min(to, longest())));
  const y = longest() === tallest() ? v : (v / longest()) * tallest();
  if (Math.abs(y - scrollY) >= 1) scrollTo(0, y);
  lastY = scrollY;
  shift = v - lastY;
}

function goToRank(rank, off = view.bar + HEAD) {
  view.goal = { rank, off };
  goTo(placeOf(view.goal));
  rest();
}

function goToShare(share) {
  const from = place();
  view.goal = null;
  goTo(share * longest());
  fast = Math.abs(place() - from) > innerHeight;
  rest();
}

const fit = () => (view.root.style.height = `${Math.min(view.roll.height, TALLEST)}px`);

/** Find an element by name, or make it like the n-th of the page's patterns; give it its place. Later dates come first. */
function box(name, parent, n, rect) {
  const el = view.shown.get(name) ?? view.patterns[n].cloneNode(true);
  view.shown.set(name, el);
  if (!el.key) parent.insertBefore(el, [...parent.children].find((one) => one.key < name));
  el.key = name;
  el.stamp = stamp;
  put(el, ...rect);
  return el;
}

function put(el, x, y, w, h) {
  const css = `left:${x}px;top:${y}px;width:${w}px;height:${h}px`;
  if (el.css !== css) el.style.cssText = el.css = css;
}

function name(el, key, textOf, count) {
  if (el.count === count) return;
  el.count = count;
  const [time, more] = el.firstElementChild.children;
  el.dataset[el.className] = time.dateTime = key;
  time.textContent = textOf(key);
  more.textContent = count > 1 ? words("photos", { count }, view.says) : "";
}

function dayBox({ month, date, x, y, w, h }) {
  const outer = box(month.key, view.root, 0, [month.x, month.y - shift, month.w, month.h]);
  name(outer, month.key, view.monthOf, view.list === all ? month.count : 1);
  const el = box(date, outer, 1, [x, y, w, DAY_HEAD + h]);
  name(el, date, (day) => words("day", { weekday: weekdayOf(day), day: +day.slice(8) }, view.says), 1);
  return el;
}

const pathOf = (id) => view.roll.photo.replace("/0/", `/${id}/`);

/** The cell of a photo: as the list has it, or made. */
function cellOf([id, width, height, colour, revision, loved, said, given], day) {
  const state = `${id} ${revision} ${loved} ${said} ${day.date}`;
  if (view.shown.has(state)) return view.shown.get(state);
  const cell = given ?? view.patterns[2 + loved].cloneNode(true);
  const link = cell.firstElementChild;
  Object.assign(cell, { link, img: link.firstElementChild });
  link.style.backgroundColor = colour;
  link.tabIndex = -1;
  cell.dataset.id = link.dataset.photo = id;
  if (!given) {
    const loves = loved ? `, ${words("favourite", {}, view.says)}` : "";
    link.href = pathOf(id);
    Object.assign(cell.img, { width, height, alt: `${said}, ${dateOf(day.date)}${loves}` });
  }
  view.shown.set(state, cell);
  return cell;
}

/** Ask for some pictures; the next frame goes on. */
function showSome(cells) {
  let asked = 0;
  for (const cell of cells) if (show(cell) && (asked += 1) === ASKED) return onScroll();
}

/** Fetch of the two stored sizes the one that this box needs. */
function show({ img, photo: [id, wide, high, , revision], box: { w, h } }) {
  const thumb = wide * Math.min(1, 480 / Math.max(wide, high));
  const isLarge = thumb < wide && Math.max(w, (h * wide) / high) * devicePixelRatio > thumb * 1.8;
  img.classList.toggle("tiny", isTiny(wide, high));
  img.classList.toggle("whole", isWhole(high, h));
  if (img.src && (!isLarge || img.isLarge || img.srcset)) return;
  img.isLarge = isLarge;
  img.src = `${pathOf(id)}${isLarge ? "preview" : "thumbnail"}.jpg?r=${revision}`;
  if (img.complete) img.classList.add("shown");
  return true;
}

/** The pieces between two heights of a roll, in order. */
function piecesIn({ lines }, from, to) {
  const within = (things, y) => things.slice(search(things, (one) => y(one) + one.h > from), search(things, (one) => y(one) >= to));
  return within(lines, ({ y }) => y).flatMap(({ blocks }) => blocks.flatMap(({ days }) => days.flatMap(({ pieces }) => within(pieces, top))));
}

function render() {
  if (!isHere()) return;
  stamp += 1;
  const here = place();
  const from = here - view.base;
  const margin = innerHeight * (fast ? 0.1 : 0.8);
  const range = [from - margin, from + innerHeight + margin];
  const near = piecesIn(view.roll, ...range);
  ask(new Set(near.map((piece) => piece.block)));
  if (measure(near)) return render();
  const drawn = near.flatMap((piece) => draw(piece, ...range));
  drawn.forEach(insert);
  const seen = drawn.filter(({ y, box }) => y + box.h > from && y < from + innerHeight);
  if (!fast) showSome([...seen, ...drawn]);
  clear(drawn);
  chooseTab(seen.find(({ y }) => y > from + view.bar));
  view.scrubber.mark(here / longest());
  if (from + innerHeight * 4 > view.roll.height) view.list.more?.();
}

/** Remove what is far away by now; not what has the focus, and no picture is waited for any longer. */
function clear(drawn) {
  for (const [key, el] of view.shown) {
    if (el.stamp === stamp) continue;
    if (el.contains(document.activeElement)) {
      const changed = drawn.find((cell) => cell.dataset.id === el.dataset.id);
      if (!changed) continue;
      changed.link.focus({ preventScroll: true });
    }
    if (el.img && !el.img.complete && !el.img.srcset) el.img.removeAttribute("src");
    el.remove();
    view.shown.delete(key);
  }
}

function draw(piece, from, to) {
  const { day, block } = piece;
  const el = dayBox(day);
  const drawn = [];
  if (!boxesOf(view.roll, piece)) box(`${day.date} ${piece.first}`, el, 4, [0, DAY_HEAD + piece.y, day.w, piece.h]);
  piece.boxes?.forEach((one, i) => {
    const y = top(piece) + one.y;
    if (y > to || y + one.h < from) return;
    const photo = block.photos[piece.at + i];
    const cell = cellOf(photo, day);
    Object.assign(cell, { stamp, photo, rank: piece.first + i, x: day.month.x + day.x + one.x, y, box: one, list: el.children[1] });
    put(cell, one.x, piece.y + one.y, one.w, one.h);
    drawn.push(cell);
  });
  return drawn;
}

/** Photos stand in the page in their order; what is there already stays untouched, and keeps the focus. */
function insert(cell, i, drawn) {
  const { list } = cell;
  const before = drawn[i - 1];
  let next = before?.list === list ? before.nextSibling : list.firstChild;
  while (next && next.stamp !== stamp) next = next.nextSibling;
  if (next !== cell) list.insertBefore(cell, next);
}

/** Lay out what has come; a height that differs from what was reckoned moves only what nobody sees. */
function measure(pieces) {
  const at = whereNow();
  view.roll.isOff = false;
  for (const piece of pieces) boxesOf(view.roll, piece);
  if (!view.roll.isOff) return false;
  stack(view.roll);
  stayAt(at);
  return true;
}

function stayAt(at) {
  fit();
  shift = Math.round(placeOf(at) - scrollY);
  keepIn();
}

function chooseTab(first) {
  const focused = document.activeElement.closest(".cell");
  if (tab) tab.link.tabIndex = -1;
  tab = focused?.link ? focused : first;
  if (tab) tab.link.tabIndex = 0;
}

// Blocks: those that are near, and none that nobody waits for any more.
function ask(blocks) {
  for (const [block, { stop }] of flying) if (!blocks.has(block)) stop.abort();
  for (const block of blocks) {
    block.stamp = stamp;
    if (!fast) load(block);
  }
}

/** Fetch the photos of a block. */
function load(block) {
  const stop = new AbortController();
  if (!block.photos && !flying.has(block)) flying.set(block, { stop, done: arrive(block, stop.signal) });
  return flying.get(block)?.done;
}

async function arrive(block, signal) {
  try {
    const photos = await view.list.photosOf(block, signal);
    if (photos?.length === block.count) take(block, photos);
    else refresh(); // the roll has changed since
  } catch (error) {
    if (error.name !== "AbortError") setTimeout(render, 2000); // the network is away
  } finally {
    flying.delete(block);
    onScroll();
  }
}

function take(block, photos) {
  block.photos = photos;
  view.loaded.push(block);
  while (view.loaded.length > LOADED && view.loaded[0].stamp !== stamp) {
    const far = view.loaded.shift();
    for (const one of [far, ...far.pieces]) one.photos = one.boxes = null;
  }
}

/** The photo under the headings, and how far it stands from the window's top. */
function whereNow() {
  if (view.goal) return view.goal;
  const y = place() - view.base + view.bar + HEAD + 8;
  const piece = piecesIn(view.roll, y, y + innerHeight)[0] ?? view.roll.pieces.at(-1);
  const into = y - top(piece);
  const i = piece.boxes ? piece.boxes.findIndex((one) => one.y + one.h > into) : Math.floor((into / piece.h) * piece.count);
  const rank = piece.first + Math.max(0, Math.min(i, piece.count - 1));
  return { rank, off: placeOf({ rank, off: 0 }) - place() };
}

function placeOf({ rank, off }) {
  const piece = pieceOf(view.roll, rank);
  const i = rank - piece.first;
  return top(piece) + (piece.boxes ? piece.boxes[i].y : (i / piece.count) * piece.h) + view.base - off;
}

/** At either end the page must not end before the roll does. */
function keepIn() {
  const [v, y] = [place(), scrollY];
  const [below, left] = [longest() - v, tallest() - y];
  if (Math.min(v, below) < 0 || (y < innerHeight && v > y + 1) || (left < innerHeight && below > left + 1)) goTo(v);
}

let waiting;
function onScroll() {
  waiting ??= requestAnimationFrame(() => {
    waiting = null;
    if (!isHere()) return;
    const moved = Math.abs(scrollY - lastY);
    if (moved > innerHeight * 4 && longest() > tallest()) shift = (scrollY / tallest()) * longest() - scrollY; // by the bar
    if (moved > 1) {
      fast = moved > innerHeight * FAST;
      view.goal = null;
    }
    lastY = scrollY;
    keepIn();
    rest();
  });
}

// When nobody moves: what was passed by, then the scroll bar to where it belongs and the place into the address.
let resting;
function rest() {
  render();
  clearTimeout(resting);
  resting = setTimeout(settle, REST_MS);
}

function settle() {
  if (!isHere()) return;
  fast = false;
  goTo(place());
  render();
  if (location.pathname !== view.path) return; // a photo is open over the roll
  const { rank, off } = whereNow();
  const { day, block, first, at } = pieceOf(view.roll, rank);
  view.list.keep({ day: day.date, nth: rank - day.first, off, id: block.photos?.[at + rank - first][0] });
}

/** The Camera Roll: its length came with the page, its place is in the address. */
const all = {
  async photosOf({ from, part, month }, signal) {
    const answer = await fetch(`${view.root.dataset.blocks}?from=${from}&part=${part}&v=${month.version}`, { signal });
    if (answer.redirected) location.reload(); // logged out
    return answer.ok && (await answer.json()).photos;
  },
  keep(at) {
    const part = view.roll.days.get(at.day).pieces[1] ? `&nth=${at.nth}` : "";
    const url = location.origin + location.pathname + (place() > view.base ? `?at=${at.day}${part}` : "");
    if (url !== location.href) history.replaceState(history.state, "", url);
    sessionStorage.setItem("roll", JSON.stringify({ url, ...at }));
  },
  refresh: () => import("./updating.js").then(({ update }) => update(view)),
  begin() {
    const told = JSON.parse(document.getElementById("timeline").content.textContent);
    const kept = JSON.parse(sessionStorage.getItem("roll"));
    begin(told, kept?.url === location.href ? kept : told.at && { day: told.at[0], nth: told.at[1] });
  },
};

/** Find a photo again: by itself, or by its number on its day, or what comes after it. */
function find({ day, nth, id }, roll = view.roll) {
  const its = roll.days.get(day) ?? [...roll.days.values()].find((one) => one.date < day) ?? roll.pieces.at(-1).day;
  for (const { block, first, at, count } of its.pieces) {
    const i = block.photos?.findIndex((photo) => photo[0] === id) - at;
    if (i >= 0 && i < count) return first + i;
  }
  return its.first + (its.date === day ? Math.min(nth, its.count - 1) : 0);
}

function reshape() {
  if (!isHere()) return;
  const at = view.roll.look && whereNow();
  const px = (key) => parseFloat(getComputedStyle(view.root).getPropertyValue(key));
  const [gap, dayGap, monthGap] = ["--gap", "--day-gap", "--month-gap"].map(px);
  view.bar = px("--bar");
  layOut(view.roll, { width: view.root.clientWidth, row: rowHeight(), gap, dayGap, monthGap });
  fit();
  view.base = view.root.getBoundingClientRect().top + scrollY;
  around = document.documentElement.scrollHeight - view.root.offsetHeight - innerHeight;
  view.scrubber.draw();
  if (at) goToRank(at.rank, at.off);
  else rest();
}

const refresh = () => view.root?.isConnected && view.list.refresh();

/** Begin with what is told of a roll, at a place that was kept or at its beginning. */
function begin(told, kept, its = read(told)) {
  Object.assign(view, { roll: its, loaded: [], goal: null });
  view.shown.clear();
  if (!its.total) return;
  view.root.replaceChildren();
  view.root.classList.add("timeline");
  for (const [from, part, photos] of told.first ?? []) {
    const { block } = its.pieces.find((piece) => piece.block.from === from && piece.block.part === (part ?? "")) ?? {};
    if (photos.length === block?.count) take(block, photos);
  }
  view.scrubber = startScrubber(view);
  shift = 0;
  reshape();
  if (kept) goToRank(find(kept), kept.off);
}

Object.assign(view, { begin, find, fit, goTo, goToRank, goToShare, load, piecesIn, place, placeOf, render, settle, stayAt, take, whereNow });

const sizes = new ResizeObserver(() => isHere() && view.root.clientWidth !== view.roll.look.width && reshape());

let feed; // lists in pages come with a module of their own
function start() {
  const root = document.querySelector("[data-timeline], .roll[data-feed]");
  const list = root?.dataset.feed ? feed?.(view) : all;
  if (!root || !list || root === view.root) return;
  history.scrollRestoration = "manual";
  const says = document.getElementById("patterns");
  Object.assign(view, { root, list, says, path: location.pathname, patterns: says.content.children });
  list.begin();
  sizes.observe(root);
}

addEventListener("keydown", (event) => {
  const { target, key, ctrlKey, metaKey, altKey, defaultPrevented } = event;
  const moves = target.matches(".cell > a") ? /^(Arrow|Home|End|Page| )/ : /^Arrow/;
  if (!isHere() || !moves.test(key) || ctrlKey || metaKey || altKey || defaultPrevented) return;
  if (!target.matches("body, #main, .cell > a")) return;
  event.preventDefault();
  import("./arrows.js").then(({ move }) => move(view, key));
});
addEventListener("scroll", onScroll);
addEventListener("popstate", () => isHere() && rest());
addEventListener("resize", reshape);
addEventListener("row-size", reshape);
addEventListener("pagehide", settle);
addEventListener("photos-changed", refresh);
addEventListener("htmx:afterSettle", start);
addEventListener("feed", ({ detail }) => start((feed = detail)));
start();
