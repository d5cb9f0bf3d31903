// A list in pages, as a roll that grows: its pages are fetched as its end comes near, and again when somebody comes back
// to where they were dropped. timeline.js keeps it in the page; the cells are the server's own.
import { extend, layOut, read } from "./days.js";

const KEPT = 4; // pages, beside the blocks that are made of them
const [SLIMMEST, WIDEST] = [0.42, 6]; // shapes that count for the length of what has not come

/** The photos of a page as the timeline knows them, how many there are of each day, and the next page's address. */
function parse(content) {
  const photos = [];
  const months = Array.from(content.querySelectorAll(".month"), (month) => {
    const days = Array.from(month.querySelectorAll(".day"), (day) => {
      const its = Array.from(day.querySelectorAll(".cell"), photoOf);
      photos.push(...its);
      const breadth = its.reduce((sum, [, w, h]) => sum + Math.max(SLIMMEST, Math.min(WIDEST, w / h || 1)), 0);
      return [Number(day.dataset.day.slice(8)), its.length, Math.round(breadth * 100)];
    });
    return [month.dataset.month, 0, [days]];
  });
  return { photos, months, next: content.querySelector(".more a")?.getAttribute("href") };
}

function photoOf(cell) {
  const img = cell.querySelector("img");
  const [wide, high] = ["width", "height"].map((side) => Number(img.getAttribute(side)));
  const loved = Number(Boolean(cell.querySelector(".heart")));
  return [Number(cell.dataset.id), wide, high, cell.dataset.colour, img.getAttribute("src").split("r=")[1], loved, img.alt, cell];
}

async function get(url) {
  const answer = await fetch(url, { headers: { "HX-Request": "true" } });
  if (answer.redirected || answer.headers.has("HX-Redirect")) location.reload(); // logged out
  if (!answer.ok) throw new Error(`${answer.status} for ${url}`);
  const page = document.createElement("template");
  page.innerHTML = await answer.text();
  return parse(page.content);
}

/** Add a page to a roll, of which it is the next. */
function add(roll, page) {
  const before = roll.pieces.length;
  extend(roll, { block: Number.MAX_SAFE_INTEGER, months: page.months });
  let skip = 0;
  for (const { block, count } of roll.pieces.slice(before)) {
    if (!block.url) Object.assign(block, { url: page.url, skip });
    skip += count;
  }
  roll.pages.push({ url: page.url, months: page.months, next: page.next });
}

function rollOf(pages) {
  const roll = Object.assign(read({ months: [] }), { pages: [] });
  for (const page of pages) add(roll, page);
  return roll;
}

/** What the timeline asks of a list. */
function feed(view) {
  const fetched = new Map(); // pages lately fetched, by address
  let busy = false;

  function pageAt(url) {
    const page = fetched.get(url) ?? get(url);
    fetched.delete(url);
    fetched.set(url, page);
    page.catch(() => fetched.delete(url));
    if (fetched.size > KEPT) fetched.delete(fetched.keys().next().value);
    return page;
  }

  async function grow(roll) {
    const { next: url } = roll.pages.at(-1);
    const page = await pageAt(url);
    if (roll !== view.roll) return;
    const { goal } = view;
    view.goal = view.whereNow();
    add(roll, { ...page, url });
    layOut(roll, roll.look);
    view.stayAt(view.goal);
    view.render();
    view.goal = goal;
  }

  return {
    begin() {
      const url = view.root.dataset.feed;
      const [first, kept] = [parse(view.root), history.state?.feed];
      fetched.set(url, Promise.resolve(first));
      const isSame = JSON.stringify(kept?.pages[0].months) === JSON.stringify(first.months);
      view.begin({}, kept?.at, rollOf(isSame ? kept.pages : [{ ...first, url }]));
      if (kept && !isSame) this.refresh();
    },
    more() {
      if (busy || !view.roll.pages.at(-1).next) return;
      busy = true;
      const later = () => setTimeout(view.render, 2000); // the network is away
      grow(view.roll).catch(later).finally(() => (busy = false));
    },
    photosOf: async ({ url, skip, count }) => (await pageAt(url)).photos.slice(skip, skip + count),
    keep(at) {
      const kept = { pages: view.roll.pages, at };
      const of = ({ pages, at } = { pages: [] }) => JSON.stringify([pages.length, at]);
      if (of(kept) !== of(history.state?.feed)) history.replaceState({ ...history.state, feed: kept }, "");
    },
    refresh: () => import("./updating.js").then(({ update }) => update(view)),
    /** The list as it is now, from its beginning to some photos beyond a place. */
    async again(rank) {
      fetched.clear();
      const roll = rollOf([]);
      for (let url = view.root.dataset.feed; url && roll.total < rank + 100; url = roll.pages.at(-1).next) {
        add(roll, { ...(await pageAt(url)), url });
      }
      return roll;
    },
  };
}

dispatchEvent(new CustomEvent("feed", { detail: feed }));
