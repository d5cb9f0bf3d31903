// Pages with photos in rows, not by month and day: laying them out, refreshing after uploads.
import { start } from "./grid.js";

async function fetchAgain(url) {
  const answer = await fetch(url, { headers: { "HX-Request": "true" } });
  if (!answer.ok) throw new Error(`${answer.status} for ${url}`);
  const page = document.createElement("template");
  page.innerHTML = await answer.text();
  return page.content;
}

// A picture that is here already goes into its new place: nothing flickers, nothing is fetched again.
function keepPictures(feed, fresh) {
  const name = (picture) => `${picture.getAttribute("src")} ${picture.getAttribute("width")}`;
  const here = new Map();
  for (const picture of feed.querySelectorAll("img")) here.set(name(picture), picture);
  for (const picture of fresh.querySelectorAll("img")) {
    const old = here.get(name(picture));
    if (!old) continue;
    here.delete(name(picture));
    old.alt = picture.alt;
    picture.replaceWith(old);
  }
}

const shelfOf = (cell) => cell.closest(".category")?.getAttribute("aria-labelledby");

/** Remember a cell by photo and shelf; returns what finds it again in the new content. */
function remember(feed, cell) {
  if (!cell) return () => undefined;
  const [id, shelf] = [cell.dataset.id, shelfOf(cell)];
  return () => Array.from(feed.querySelectorAll(`.cell[data-id="${id}"]`)).find((one) => shelfOf(one) === shelf);
}

async function refresh(feed) {
  const fresh = await fetchAgain(feed.dataset.feed);
  const cells = Array.from(feed.querySelectorAll(".cell"));
  const inView = (cell) => !cell.hidden && cell.getBoundingClientRect().top >= 0;
  const anchor = window.scrollY < 100 ? null : cells.find(inView);
  const top = anchor?.getBoundingClientRect().top;
  const findAnchor = remember(feed, anchor);
  const findFocus = remember(feed, feed.contains(document.activeElement) && document.activeElement.closest(".cell"));
  keepPictures(feed, fresh);
  feed.replaceChildren(fresh);
  htmx.process(feed);
  start();
  const again = findAnchor();
  if (again) window.scrollBy({ top: again.getBoundingClientRect().top - top, behavior: "instant" });
  findFocus()?.querySelector("a").focus({ preventScroll: true });
}

let refreshing = null;
let askedAgain = false;

async function refreshAll() {
  askedAgain = true;
  if (refreshing) return;
  while (askedAgain) {
    askedAgain = false;
    refreshing = Promise.all(Array.from(document.querySelectorAll("[data-feed]:not(.roll)"), refresh)).catch(console.error);
    await refreshing;
    await new Promise((later) => setTimeout(later, 400));
  }
  refreshing = null;
}

for (const event of ["photos-changed", "tags-changed"]) {
  document.addEventListener(event, ({ type }) => {
    if (type === "photos-changed" || document.querySelector("[data-tags]")) refreshAll();
  });
}

let enhancing = false; // htmx tells of each new element, and one pass does for all
document.addEventListener("htmx:afterSwap", () => {
  if (enhancing) return;
  enhancing = true;
  queueMicrotask(() => {
    enhancing = false;
    start();
  });
});

start();
