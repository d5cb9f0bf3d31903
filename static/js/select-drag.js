// Dragging: over check marks (or after a long press) from one photo to another, or a rubber band around some.
import { cellOf, cells, has, idOf, set } from "./selecting.js";
import { range } from "./select-lists.js";

const EDGE_PX = 60; // near the window's edge the page scrolls along
const SLOP_PX = 5;

let drag = null;

/** Begin at a cell: what lies between it and the pointer is selected. Begin beside the photos: what the band touches. */
export function begin(event, cell) {
  if (drag) end();
  drag = { x: event.clientX, y: event.clientY, top: event.clientY + scrollY, moved: false, before: new Set() };
  if (cell) {
    drag.from = idOf(cell);
    if (event.type === "contextmenu") {
      set([drag.from], true);
      drag.on = true;
      drag.moved = true;
    } else drag.on = !has(drag.from);
  }
  for (const [name, listen] of Object.entries(listeners)) window.addEventListener(name, listen, { passive: false, capture: true });
}

const listeners = { pointermove: move, pointerup: end, pointercancel: end, touchmove: hold, click: swallow, dragstart: (event) => event.preventDefault() };

function move(event) {
  if (!drag) return;
  if (!event.buttons) return end(); // it was a click, over before this module was here
  Object.assign(drag, { nowX: event.clientX, nowY: event.clientY });
  if (!drag.moved && Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < SLOP_PX) return;
  if (!drag.moved) {
    drag.moved = true;
    document.documentElement.classList.add("dragging");
    if (drag.from) set([drag.from], drag.on);
    else drag.band = document.body.appendChild(Object.assign(document.createElement("div"), { className: "band" }));
    requestAnimationFrame(scrollAlong);
  }
  drag.from ? sweep() : stretch();
}

async function sweep() {
  const cell = cellOf(document.elementFromPoint(drag.nowX, drag.nowY) ?? document.body);
  const id = cell && idOf(cell);
  if (!id || id === drag.to) return;
  drag.to = id;
  const ids = await range(drag.from, id);
  if (drag?.to === id) change(ids, drag.on);
}

function stretch() {
  const [y, top] = [drag.nowY + scrollY, drag.top];
  const box = { left: Math.min(drag.x, drag.nowX), right: Math.max(drag.x, drag.nowX), top: Math.min(y, top), bottom: Math.max(y, top) };
  Object.assign(drag.band.style, {
    left: `${box.left}px`,
    top: `${box.top}px`,
    width: `${box.right - box.left}px`,
    height: `${box.bottom - box.top}px`,
  });
  const touched = cells().filter((cell) => {
    const one = cell.getBoundingClientRect();
    return one.left < box.right && one.right > box.left && one.top + scrollY < box.bottom && one.bottom + scrollY > box.top;
  });
  change(touched.map(idOf), true);
}

/** Of what this drag has changed, what it no longer covers goes back. */
function change(ids, on) {
  if (!drag) return;
  const now = new Set(ids);
  set(Array.from(drag.before).filter((id) => !now.has(id)), !on);
  const fresh = ids.filter((id) => has(id) !== on);
  set(fresh, on);
  drag.before = new Set([...Array.from(drag.before).filter((id) => now.has(id)), ...fresh]);
}

function scrollAlong() {
  if (!drag) return;
  const down = drag.nowY - (innerHeight - EDGE_PX);
  const up = EDGE_PX + 56 - drag.nowY;
  if (down > 0 || up > 0) {
    scrollBy({ top: down > 0 ? down / 3 : -up / 3, behavior: "instant" });
    drag.from ? sweep() : stretch();
  }
  requestAnimationFrame(scrollAlong);
}

function hold(event) {
  if (drag?.moved) event.preventDefault();
}

// The click that ends a drag is none.
function swallow(event) {
  if (ended) {
    event.preventDefault();
    event.stopPropagation();
  }
}

let ended = false;
function end() {
  ended = Boolean(drag?.moved);
  drag?.band?.remove();
  drag = null;
  document.documentElement.classList.remove("dragging");
  setTimeout(() => {
    ended = false;
    if (drag) return;
    for (const [name, listen] of Object.entries(listeners)) window.removeEventListener(name, listen, { capture: true });
  });
}
