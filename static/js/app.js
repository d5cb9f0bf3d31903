// What every page needs: the grid, pictures that fade in, the next page, refreshing after uploads.
import { start } from "./grid.js";

const root = document.documentElement;
root.classList.add("js");

// Pictures: keep the dominant colour until the thumbnail is there.
const TINY_PX = 120;

function show(picture) {
  const longest = Math.max(picture.getAttribute("width"), picture.getAttribute("height"));
  if (longest < TINY_PX && !picture.hasAttribute("srcset")) picture.classList.add("tiny");
  picture.classList.add("shown");
}

for (const event of ["load", "error"]) {
  document.addEventListener(event, ({ target }) => target instanceof HTMLImageElement && show(target), true);
}

// The next page of a list: fetched well before its link comes into view.
const nearEnd = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      nearEnd.unobserve(target);
      htmx.trigger(target, "near");
    }
  },
  { rootMargin: "1600px" },
);

function enhance() {
  for (const picture of document.querySelectorAll("img:not(.shown)")) if (picture.complete) show(picture);
  start();
  for (const more of document.querySelectorAll(".more [hx-get]")) nearEnd.observe(more);
  markYear();
}

// The roll after an upload: the same pages again, with the pictures that are already here left in place.
async function fetchPage(url) {
  const answer = await fetch(url, { headers: { "HX-Request": "true" } });
  if (!answer.ok) throw new Error(`${answer.status} for ${url}`);
  const page = document.createElement("template");
  page.innerHTML = await answer.text();
  return page.content;
}

async function fetchAgain(feed) {
  const all = document.createDocumentFragment();
  let url = feed.dataset.feed;
  for (let left = Math.min(Number(feed.dataset.pages || 1), 20); left > 0 && url; left -= 1) {
    all.querySelector(".more")?.remove();
    all.append(await fetchPage(url));
    url = all.querySelector(".more a")?.getAttribute("href");
  }
  return all;
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
  const fresh = await fetchAgain(feed);
  const cells = Array.from(feed.querySelectorAll(".cell"));
  const inView = (cell) => !cell.hidden && cell.getBoundingClientRect().top >= 0;
  const anchor = window.scrollY < 100 ? null : cells.find(inView);
  const top = anchor?.getBoundingClientRect().top;
  const findAnchor = remember(feed, anchor);
  const findFocus = remember(feed, feed.contains(document.activeElement) && document.activeElement.closest(".cell"));
  keepPictures(feed, fresh);
  feed.replaceChildren(fresh);
  htmx.process(feed);
  enhance();
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
    refreshing = Promise.all(Array.from(document.querySelectorAll("[data-feed]"), refresh)).catch(console.error);
    await refreshing;
    await new Promise((later) => setTimeout(later, 400));
  }
  refreshing = null;
}

for (const event of ["photos-changed", "tags-changed"]) {
  document.addEventListener(event, ({ type }) => {
    if (type === "photos-changed" || document.querySelector("[data-feed][data-tags]")) refreshAll();
  });
}

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const feed = detail.target.matches(".more") && detail.shouldSwap && detail.target.closest("[data-feed]");
  if (feed) feed.dataset.pages = Number(feed.dataset.pages || 1) + 1;
});

let enhancing = false; // htmx tells of each new element, and one pass does for all
document.addEventListener("htmx:afterSwap", () => {
  if (enhancing) return;
  enhancing = true;
  queueMicrotask(() => {
    enhancing = false;
    enhance();
  });
});

// Going back to a list that the browser didn't keep: as many pages as there were, at the same place.
document.addEventListener("click", ({ target }) => {
  const pages = target.closest?.("[data-feed]")?.dataset.pages;
  if (pages && target.closest("a")) history.replaceState({ pages, top: window.scrollY }, "");
});

async function comeBack() {
  const [navigation] = performance.getEntriesByType("navigation");
  const feed = document.querySelector(".roll[data-feed]");
  const { pages, top } = history.state ?? {};
  if (!feed || !pages || navigation?.type !== "back_forward") return;
  feed.dataset.pages = pages;
  await refresh(feed);
  window.scrollTo({ top, behavior: "instant" });
}

// Where one is: a line under the bar once photos pass beneath it, the year at the right edge.
let waiting = false;

function onScroll() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    root.classList.toggle("scrolled", window.scrollY > 4);
    markYear();
  });
}

function markYear() {
  const links = document.querySelectorAll(".scrubber a");
  if (links.length === 0) return;
  const months = Array.from(document.querySelectorAll(".month"));
  const month = months.find((one) => one.getBoundingClientRect().bottom > 120);
  for (const link of links) {
    if (month && link.dataset.year === month.dataset.month.slice(0, 4)) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

document.addEventListener("scroll", onScroll, { passive: true });

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, [contenteditable], dialog");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const search = document.getElementById("q");
  if (!search) return;
  event.preventDefault();
  search.focus();
  search.select();
});

// Opening a photo grows it from its place, going back shrinks it there.
const calm = matchMedia("(prefers-reduced-motion: reduce)");

window.addEventListener("pageswap", (event) => nameTransition(event.activation?.entry?.url, event.viewTransition));

window.addEventListener("pagereveal", (event) => {
  nameTransition(window.navigation?.activation?.from?.url, event.viewTransition);
});

async function nameTransition(address, transition) {
  if (!transition) return;
  // A page that is slow or opted out ends it early: a plain cut instead, and no fault.
  for (const step of [transition.ready, transition.updateCallbackDone, transition.finished]) step.catch(() => undefined);
  if (!address || calm.matches) return;
  const path = new URL(address).pathname;
  const id = path.match(/^\/photo\/(\d+)\/$/)?.[1];
  const picture = id && document.querySelector(`.cell[data-id="${id}"] img`);
  if (!picture) return;
  picture.style.viewTransitionName = "photo";
  await transition.finished.catch(() => undefined);
  picture.style.viewTransitionName = "";
}

enhance();
comeBack();
