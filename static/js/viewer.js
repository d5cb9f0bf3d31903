// One photo in its viewer, on its own page or over a list: keys, neighbours, forms, chrome, information.
import "./photo-tags.js";
import { words } from "./words.js";
import * as zoom from "./zoom.js";

const IDLE_AFTER_MS = 2000;
const PATIENCE_MS = 150; // for a picture before it is shown, so that what is on its way doesn't flicker
const REMEMBERED = "photo-info";
const phone = matchMedia("(max-width: 639px)");
const roomy = matchMedia("(min-width: 1000px)"); // else the picture comes first

let host = null;
let leave = null;
let idle = 0;
let latest = 0;
let early = []; // what keys asked for before the photo's page was here
const ahead = new Map(); // pages of neighbours, fetched before they are wanted

export const viewer = () => (host?.isConnected ? host.querySelector(":scope > .viewer") : null);
const control = (key) => viewer()?.querySelector(`[data-key="${key}"]`);

/** Look after the viewer inside an element; `onLeave` is called when somebody has seen enough. */
export function begin(inside, onLeave) {
  host = inside;
  leave = onLeave;
  if (viewer()) settle(null);
}

/** Leave the viewer alone, and what is on its way to it. */
export function end() {
  latest += 1;
  host = null;
  early = [];
  ahead.clear();
}

/** Show the photo of an address instead; tells whether it was still wanted when it came. */
export async function show(address) {
  const mine = ++latest;
  try {
    const page = await (ahead.get(address) ?? ask(address));
    return mine === latest && (await put(page, mine));
  } catch {
    if (mine === latest) location.assign(address); // the page itself says best what is the matter
    return false;
  }
}

async function ask(address, request = {}) {
  const answer = await fetch(address, { ...request, headers: { "HX-Request": "true" } });
  const elsewhere = answer.headers.get("HX-Redirect");
  if (elsewhere) return { elsewhere };
  const page = document.createElement("template");
  page.innerHTML = await answer.text();
  const fresh = page.content.querySelector(".viewer");
  if (!fresh) throw new Error(`${answer.status} for ${address}`);
  return { fresh, address: answer.redirected ? answer.url : address };
}

async function put({ fresh }, mine) {
  fresh = fresh.cloneNode(true); // what was fetched ahead may be wanted again
  const [picture, old] = [fresh.querySelector("#picture"), viewer()];
  const shown = old?.querySelector("#picture");
  const isSame = Boolean(picture && shown && (!old.dataset.photo || old.dataset.photo === fresh.dataset.photo));
  const panel = isSame ? old.querySelector(".viewer-info")?.scrollTop : 0;
  const focus = old?.contains(document.activeElement) ? document.activeElement.id : "";
  if (isSame && (shown.dataset.preview ?? shown.getAttribute("src")) === picture.getAttribute("src")) {
    picture.replaceWith(shown); // the same pixels: the picture stays as it is, zoomed or not
  } else if (isSame && !old.dataset.photo) {
    zoom.sharpen(shown, picture); // the thumbnail stays until the preview is here
    picture.replaceWith(shown);
  } else if (picture) {
    await zoom.soon(picture.src, PATIENCE_MS);
    if (mine !== latest) return false;
  }
  if (isSame) shown.alt = picture.alt;
  if (old) old.replaceWith(fresh);
  else host.append(fresh);
  htmx.process(fresh);
  settle(old);
  if (panel) fresh.querySelector(".viewer-info").scrollTop = panel;
  const again = focus && document.getElementById(focus);
  (again || fresh.querySelector(".viewer-stage")).focus({ preventScroll: true });
  say(picture?.alt ?? "");
  return true;
}

function settle(old) {
  const page = viewer();
  page.classList.add("scripted");
  const info = control("info");
  if (info) info.hidden = false;
  const isSkeleton = !page.dataset.photo;
  const wasOpen = old?.dataset.photo ? old.classList.contains("with-info") : roomy.matches && remembered() !== "no";
  showInfo(wasOpen);
  zoom.watch(page, { step, leave: () => leave(), inform: () => phone.matches && showInfo(true), tap });
  if (!isSkeleton) {
    document.title = page.dataset.title;
    for (const act of early.splice(0)) queueMicrotask(act);
  }
  ahead.clear();
  for (const beside of page.querySelectorAll("a[data-preview]")) {
    new Image().src = beside.dataset.preview;
    const page = ask(beside.href);
    page.catch(() => ahead.delete(beside.href)); // asked for again when it is wanted
    ahead.set(beside.href, page);
  }
  stir();
}

function say(text) {
  (host.querySelector(":scope > [role=status]") ?? document.getElementById("announcer")).textContent = text;
}

// Chrome: gone after two seconds without movement, back with any; never while one is in it.
function stir() {
  clearTimeout(idle);
  viewer()?.classList.remove("idle");
  idle = setTimeout(() => {
    const busy = ".chrome:hover, .chrome :focus-visible, .chrome:focus-visible, [popover]:popover-open";
    if (viewer() && !viewer().querySelector(busy)) viewer().classList.add("idle");
  }, IDLE_AFTER_MS);
}

function showInfo(on) {
  viewer().classList.toggle("with-info", on);
  control("info")?.setAttribute("aria-expanded", String(on));
  zoom.fit();
}

function tap() {
  if (phone.matches) showInfo(false);
}

function toggleInfo() {
  const on = !viewer().classList.contains("with-info");
  showInfo(on);
  try {
    if (roomy.matches) localStorage.setItem(REMEMBERED, on ? "yes" : "no");
  } catch {
    // storage is switched off: the panel is then as it was at the start on each page
  }
}

function remembered() {
  try {
    return localStorage.getItem(REMEMBERED);
  } catch {
    return null;
  }
}

// A key that comes while the next photo is on its way is kept for when it is there.
let going = false;
let wanted = null;
async function step(key) {
  const address = control(key)?.href;
  if (going) wanted = key;
  if (going || !address) return;
  going = true;
  if (await show(address)) history.replaceState(history.state, "", address);
  going = false;
  const then = wanted;
  wanted = null;
  if (then) step(then);
}

function walk(address) {
  const steps = history.state?.viewer ?? 0;
  history.pushState({ viewer: steps && steps + 1 }, "", address);
  show(address);
}

// Forms work as they are; here their answer, the photo again or the next one, is put in place. One after the
// other, so that the last answer tells of all.
let sent = Promise.resolve();
function send({ action }, button, body) {
  if (button?.name === "turn") zoom.lean(button.value === "left" ? -1 : 1);
  viewer().setAttribute("aria-busy", "true");
  const mine = ++latest;
  sent = sent.then(() => post(action, body, mine));
}

async function post(action, body, mine) {
  try {
    const page = await ask(action, { method: "POST", body });
    if (page.elsewhere) return void location.assign(page.elsewhere);
    const isShown = mine === latest && (await put(page, mine));
    if (isShown && page.address !== action) history.replaceState(history.state, "", page.address);
    document.body.dispatchEvent(new CustomEvent("photos-changed", { bubbles: true }));
  } catch {
    complain(words("photoFailed"));
    zoom.fit();
  } finally {
    viewer()?.removeAttribute("aria-busy");
  }
}

function complain(text) {
  const toast = document.createElement("p");
  toast.className = "toast";
  toast.role = "alert";
  toast.textContent = text;
  viewer()?.querySelector(".viewer-messages")?.replaceChildren(toast);
}

const keys = {
  ArrowLeft: () => step("previous"),
  ArrowRight: () => step("next"),
  Escape: () => leave(),
  Delete: () => control("trash")?.click(),
  "+": () => zoom.by(1.5),
  "=": () => zoom.by(1.5),
  "-": () => zoom.by(1 / 1.5),
  0: () => zoom.reset(),
  i: toggleInfo,
  f: () => document.getElementById("favourite-button")?.click(),
  r: () => control("right")?.click(),
  R: () => control("left")?.click(),
};

document.addEventListener("keydown", (event) => {
  if (!viewer() || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  stir();
  if (event.target.closest?.("input, textarea, [contenteditable]")) {
    if (event.key !== "Escape") return;
    event.preventDefault(); // leaves the field, not the photo
    event.target.blur();
    return;
  }
  if (document.querySelector("[popover]:popover-open")) return; // Escape closes that first
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  if (viewer().dataset.photo || act === keys.Escape) act();
  else early.push(act);
});

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a, button");
  if (!viewer()?.contains(link) || event.defaultPrevented) return;
  if (event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const key = link.dataset.key;
  if (key === "info") toggleInfo();
  const act = { back: leave, previous: () => step(key), next: () => step(key) }[key];
  if (!act && !link.closest(".strip")) return;
  event.preventDefault();
  if (act) act();
  else walk(link.href);
});

document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || !viewer()?.contains(event.target) || !event.target.matches("[data-viewer]")) return;
  event.preventDefault();
  send(event.target, event.submitter, new FormData(event.target, event.submitter));
});

// Favourites and tags change a part of the viewer only: what stands under it has changed all the same.
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (detail.requestConfig?.verb !== "post" || !detail.successful || !viewer()?.contains(detail.target)) return;
  document.body.dispatchEvent(new CustomEvent("photos-changed", { bubbles: true }));
});

for (const event of ["pointermove", "pointerdown", "focusin"]) {
  document.addEventListener(event, () => viewer() && stir(), { passive: true });
}
