// The viewer over a list. Each photo walked to from the strip is a step in the history, each neighbour takes
// the place of the one before; going back all of them leads to the list, which never went away.
import "./why.js";
import { begin, end, show, viewer } from "./viewer.js";
import { words } from "./words.js";

const SHEETS = ["photo", "photo-info", "photo-edit", "why", "lightbox"];
const calm = matchMedia("(prefers-reduced-motion: reduce)");
let box = null;
let dressed = null;
let named = null; // the thumbnail that a photo shrinks to
let title = "";
let turn = Promise.resolve(); // opening and closing take frames, and somebody may go on meanwhile: one after the other

const inTurn = (act) => (turn = turn.then(act, act));

/** Open the photo of a link in a grid, beginning with the thumbnail that is there already. */
export async function open(link) {
  await inTurn(() => enter(link));
  await follow();
}

/** Bring what is shown in line with the place in the history that somebody went to. */
export async function follow() {
  if (await inTurn(align)) await show(location.href);
}

async function enter(link) {
  await dress();
  if (box.open) return; // the second click of two
  title = document.title;
  history.pushState({ viewer: 1 }, "", link.href);
  const thumbnail = link.querySelector("img");
  await grow(thumbnail, () => {
    box.append(skeleton(thumbnail));
    box.showModal();
    begin(box, leave);
  });
}

/** Open or close the dialog; tells whether there is a photo to show in it. */
async function align() {
  if (!history.state?.viewer) {
    if (box?.open) await close();
    return false;
  }
  await dress();
  if (!box.open) {
    title = document.title;
    box.showModal();
    begin(box, leave);
  }
  return true;
}

const leave = () => history.go(-(history.state?.viewer || 1));

async function close() {
  const photo = viewer()?.dataset.photo;
  end();
  document.title = title;
  await grow(null, () => {
    box.close();
    box.querySelector(".viewer")?.remove();
    const link = cellOf(photo);
    const thumbnail = link?.querySelector("img");
    const place = thumbnail?.getBoundingClientRect();
    link?.focus({ preventScroll: true });
    return place && place.bottom > 0 && place.top < innerHeight ? thumbnail : null;
  });
}

const cellOf = (photo) => document.querySelector(`a.cell[data-photo="${photo}"], .cell[data-id="${photo}"] > a`);

/** Change the page so that the picture grows from its place, or shrinks to the one that `change` returns. */
async function grow(from, change) {
  if (!document.startViewTransition || calm.matches) return void change();
  if (named) named.style.viewTransitionName = ""; // its transition still runs, and no two may bear the name
  if (from) from.style.viewTransitionName = "photo";
  let to = null;
  const transition = document.startViewTransition(() => {
    if (from) from.style.viewTransitionName = "";
    named = to = change() ?? null;
    if (to) to.style.viewTransitionName = "photo";
  });
  for (const step of [transition.ready, transition.finished]) step.catch(() => undefined); // cut short: a plain cut
  transition.finished.catch(() => undefined).then(() => to && (to.style.viewTransitionName = ""));
  await transition.updateCallbackDone;
}

/** What is shown until the photo's page is here: its thumbnail, at the size that it will have. */
function skeleton(thumbnail) {
  const frame = document.createElement("div");
  frame.className = "viewer";
  const stage = frame.appendChild(document.createElement("div"));
  stage.className = "viewer-stage";
  if (!thumbnail) return frame;
  const picture = stage.appendChild(new Image());
  picture.id = "picture";
  picture.alt = thumbnail.alt;
  for (const side of ["width", "height"]) picture.setAttribute(side, thumbnail.getAttribute(side));
  if (Math.max(picture.getAttribute("width"), picture.getAttribute("height")) > 1600) picture.className = "larger";
  picture.src = thumbnail.currentSrc || thumbnail.src;
  return frame;
}

/** Fetch the style, once, and make the dialog, which goes with its page when htmx brings another one. */
async function dress() {
  dressed ??= Promise.all(SHEETS.map(wear));
  await dressed;
  if (box?.isConnected) return;
  box = document.createElement("dialog");
  box.id = "lightbox";
  box.className = "lightbox viewing";
  box.setAttribute("aria-label", words("photo"));
  box.innerHTML = '<p class="visually-hidden" role="status"></p>';
  box.addEventListener("cancel", (event) => {
    if (event.target !== box) return;
    event.preventDefault();
    leave();
  });
  document.body.append(box);
}

function wear(name) {
  const sheet = document.createElement("link");
  sheet.rel = "stylesheet";
  sheet.href = new URL(`../css/${name}.css`, import.meta.url);
  return new Promise((done) => {
    sheet.onload = sheet.onerror = done;
    document.head.append(sheet);
  });
}
