// The photo page: keys, swipes, chrome that fades, the information panel, neighbours fetched ahead.

import "./staying.js"; // previous and next change this page instead of loading another

const QUIET_AFTER_MS = 2000;
const SWIPE_PX = 60;
const REMEMBERED = "photo-info";
const phone = matchMedia("(max-width: 639px)");
const roomy = matchMedia("(min-width: 1000px)"); // else the picture comes first
let quiet = null;

const viewer = () => document.querySelector(".viewer");
const control = (key) => document.querySelector(`.viewer [data-key="${key}"]`);

function open() {
  const page = viewer();
  if (!page || page.dataset.open) return;
  page.dataset.open = "yes";
  page.classList.add("scripted");
  const info = control("info");
  info.hidden = false;
  showInfo(roomy.matches && remembered() !== "no");
  for (const beside of page.querySelectorAll("[data-preview]")) new Image().src = beside.dataset.preview;
  stir();
}

// Chrome: gone after two seconds without movement, back with any; never while one is in it.
function stir() {
  clearTimeout(quiet);
  viewer()?.classList.remove("quiet");
  quiet = setTimeout(() => {
    const page = viewer();
    if (!page || page.querySelector(".chrome:hover, .chrome :focus-visible, [popover]:popover-open")) return;
    page.classList.add("quiet");
  }, QUIET_AFTER_MS);
}

function showInfo(on) {
  viewer().classList.toggle("with-info", on);
  control("info").setAttribute("aria-expanded", String(on));
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

// Back to where one came from, so that the grid stands where it stood; else to the list's own address.
function goBack() {
  const back = control("back");
  const from = window.navigation?.canGoBack && document.referrer ? new URL(document.referrer) : null;
  const list = new URL(back.href);
  if (from && from.origin === list.origin && from.pathname === list.pathname) history.back();
  else back.click();
}

// A key that comes while the next photo is on its way is kept for when it is there.
let going = false;
let wanted = null;
function step(key) {
  const link = control(key);
  if (going) wanted = key;
  else if (link) {
    going = true;
    link.click();
  }
}

function arrive() {
  going = false;
  const key = wanted;
  wanted = null;
  if (key) step(key);
}

const keys = {
  ArrowLeft: () => step("previous"),
  ArrowRight: () => step("next"),
  Escape: goBack,
  i: toggleInfo,
  f: () => document.getElementById("favourite-button")?.click(),
};

document.addEventListener("keydown", (event) => {
  if (!viewer() || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  stir();
  if (event.target.closest?.("input, textarea, [contenteditable]")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (document.querySelector("[popover]:popover-open")) return; // Escape closes that first
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

document.addEventListener("click", (event) => {
  if (!viewer()) return;
  if (event.target.closest?.('[data-key="info"]')) toggleInfo();
  else if (event.target.closest?.(".viewer-stage") && !event.target.closest("a, button, form")) {
    if (phone.matches && viewer().classList.contains("with-info")) showInfo(false);
  }
});

for (const event of ["pointermove", "pointerdown", "focusin"]) {
  document.addEventListener(event, () => viewer() && stir(), { passive: true });
}

// One finger sideways: the neighbour. Two fingers zoom and are left alone.
let touch = null;
document.addEventListener("touchstart", (event) => {
  const inside = event.target.closest?.(".viewer-stage") && event.touches.length === 1;
  touch = inside ? { x: event.touches[0].clientX, y: event.touches[0].clientY } : null;
}, { passive: true });
document.addEventListener("touchend", (event) => {
  if (!touch || window.visualViewport?.scale > 1.05) return;
  const across = event.changedTouches[0].clientX - touch.x;
  const down = event.changedTouches[0].clientY - touch.y;
  touch = null;
  if (Math.abs(across) > SWIPE_PX && Math.abs(across) > 2 * Math.abs(down)) {
    step(across > 0 ? "previous" : "next");
  } else if (down < -SWIPE_PX && phone.matches) {
    showInfo(true);
  }
}, { passive: true });

// Tags: keep the keyboard's place when a chip goes, empty the field when its tag is added, tell when tags came.
let place = null;
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.target.id !== "photo-tags") return;
  const buttons = [...detail.target.querySelectorAll("button")];
  place = detail.target.contains(document.activeElement) ? buttons.indexOf(document.activeElement) : null;
  if (detail.xhr.status === 200 && detail.requestConfig.elt.matches(".add-tag")) {
    detail.requestConfig.elt.reset();
  }
});

document.addEventListener("htmx:afterSettle", ({ detail }) => {
  const tags = document.getElementById("photo-tags");
  if (!tags || detail.requestConfig?.target?.id !== "photo-tags") return;
  if (place !== null && !tags.contains(document.activeElement)) {
    const buttons = tags.querySelectorAll("button");
    (buttons[Math.min(place, buttons.length - 1)] ?? document.getElementById("add-tag")).focus();
  }
  place = null;
  if (detail.requestConfig.verb === "get" && tags.dataset.pending === "no") {
    document.body.dispatchEvent(new CustomEvent("tags-came"));
    const words = [...tags.querySelectorAll(".chips:not(.rejected) .chip a")].map((link) => link.textContent);
    const announcer = document.getElementById("announcer");
    if (announcer) announcer.textContent = words.length ? `Tags: ${words.join(", ")}` : "No tags found";
  }
});

document.addEventListener("htmx:afterSwap", ({ detail }) => {
  open();
  const announcer = document.getElementById("announcer");
  const picture = document.getElementById("picture");
  if (detail.target !== document.body) return;
  if (announcer && picture) announcer.textContent = picture.alt;
  arrive();
});
for (const event of ["htmx:responseError", "htmx:sendError", "htmx:abort"]) document.addEventListener(event, arrive);
open();
