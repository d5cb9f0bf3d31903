// Which photos are selected: a set of ids, or a whole list without some. Cells are marked as they come.
import { words } from "./words.js";

const bar = document.getElementById("selectbar");
const chosen = new Set(); // with `all`: those that are not
let all = null; // {count, upto}: the list `place`, as far as it had come
let mode = false; // selecting, though nothing is selected yet
let last = 0; // where a range begins
let pressed = null; // a press that lasts
let isShifted = false; // the key of which the grid tells

const DAY = "main [data-day]:has(.check-day)";
export const cellOf = (target) => target.closest?.("main .cell");
export const idOf = (cell) => Number(cell?.dataset.photo ?? cell?.dataset.id ?? 0);
export const cells = () => Array.from(document.querySelectorAll("main .cell"));
export const place = () => Array.from(document.querySelectorAll("[data-place]")).at(-1).dataset.place;

export const has = (id) => chosen.has(id) !== Boolean(all);
export const size = () => (all ? all.count - chosen.size : chosen.size);
export const isActive = () => mode || size() > 0;

/** The selection as form fields. */
export function fields() {
  const ids = Array.from(chosen).join(",");
  return all ? { all: place(), upto: all.upto, but: ids } : { ids };
}

/** Select or unselect photos by id. */
export function set(ids, on) {
  for (const id of ids) {
    if (on !== Boolean(all)) chosen.add(id);
    else chosen.delete(id);
  }
  show();
}

export function clear() {
  chosen.clear();
  all = null;
  mode = false;
  show();
}

/** Select a whole list, of which later photos lie beyond `upto`. */
export function setAll(offer) {
  clear();
  all = offer;
  show();
}

const lists = () => import("./select-lists.js");

async function toggle(id, extend) {
  if (extend && last && last !== id) set(await (await lists()).range(last, id), has(last));
  else set([id], !has(id));
  last = id;
}

function mark(check, on, name) {
  check?.setAttribute("aria-pressed", on);
  check?.setAttribute("aria-label", words("selectOne", { name }, bar));
}

function markCell(cell) {
  const on = has(idOf(cell));
  mark(cell.querySelector(".check"), on, cell.querySelector("img")?.alt);
  cell.classList.toggle("chosen", on);
}

function markDay(day) {
  const its = Array.from(day.querySelectorAll(".cell"), idOf);
  mark(day.querySelector(".check-day"), its.length > 0 && its.every(has), day.querySelector("time").textContent);
}

function show() {
  document.documentElement.classList.toggle("selecting", isActive());
  if (!isActive() && bar.contains(document.activeElement)) document.getElementById("main").focus({ preventScroll: true });
  bar.hidden = !isActive();
  document.getElementById("selected-count").textContent = words(size() ? "selected" : "noneSelected", { count: size() }, bar);
  for (const act of bar.querySelectorAll(".select-tools button")) act.disabled = !size();
  for (const cell of cells()) markCell(cell);
  for (const day of document.querySelectorAll(DAY)) markDay(day);
}

// Nothing selected, nothing to mark.
const observer = new MutationObserver(() => {
  if (!isActive()) return;
  show();
  observer.takeRecords(); // our own marks
});

async function act(name) {
  if (name === "clear") clear();
  else if (name === "all") (await lists()).selectAll();
  else if (name) (await import("./select-actions.js")).act(name, bar);
}

// Before links and the grid hear of it.
function onClick(event) {
  const { target, shiftKey } = event;
  const cell = cellOf(target);
  const day = target.closest(".check-day");
  const starts = target.closest("#select-link");
  const onLink = cell && event.detail && target.closest("a") && (isActive() || shiftKey); // Enter opens, always
  if (event.ctrlKey || event.metaKey || !(day || starts || onLink || target.closest(".check"))) return;
  event.preventDefault();
  event.stopPropagation();
  if (day) lists().then(({ toggleDay }) => toggleDay(day.closest(DAY).dataset.day));
  else if (cell) toggle(idOf(cell), shiftKey);
  else {
    mode = true;
    show();
  }
}

document.addEventListener("click", onClick, true);
bar.addEventListener("click", ({ target }) => act(target.closest("[data-act]")?.dataset.act));

// Perhaps a drag begins.
const THINGS = ".cell, a, button, input, select, label, nav, .scrubber, [role=slider]";

function onPress(event) {
  const { target, pointerType, button, type } = event;
  const cell = cellOf(target);
  const held = type === "contextmenu" && pointerType === "touch" && cell;
  const beside = pointerType === "mouse" && target.closest("main") && !target.closest(THINGS);
  if (held) event.preventDefault();
  if (!held && (button !== 0 || !(target.closest(".check") || beside))) return;
  pressed = event;
  import("./select-drag.js").then(({ begin }) => pressed === event && begin(event, cell));
}

for (const type of ["pointerdown", "contextmenu"]) document.addEventListener(type, onPress);
document.addEventListener("pointerup", () => (pressed = null), true);

function onKey(event) {
  const { key, target } = event;
  if (event.defaultPrevented || event.altKey || target.closest("input, textarea, select, dialog, [popover]")) return;
  const command = event.ctrlKey || event.metaKey;
  const cell = cellOf(target);
  if (key === " " && cell && !target.closest("button")) toggle(idOf(cell), event.shiftKey);
  else if (key === "Escape" && isActive()) clear();
  else if (key === "a" && command && cells().length) act("all");
  else if (key === "Delete" && size()) act(place() === "trash" ? "delete" : "trash");
  else return;
  event.preventDefault();
}

window.addEventListener("keydown", onKey); // after the grid, which may have taken the key
document.addEventListener("roll:toggle", ({ detail }) => toggle(Number(detail.id), isShifted));
document.addEventListener("keydown", (event) => (isShifted = event.shiftKey), true);
document.addEventListener("roll:filled", show);

observer.observe(document.getElementById("main"), { childList: true, subtree: true });
