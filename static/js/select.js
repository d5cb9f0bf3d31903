// Selecting photos: what that takes is fetched when somebody begins, and hears then of what they began with.
const THINGS = ".cell, a, button, input, select, label, nav";
const begins = {
  click: ({ target, shiftKey }) => target.closest(".check, .check-day, #select-link") || (shiftKey && target.closest("main .cell")),
  contextmenu: ({ target, pointerType }) => pointerType === "touch" && target.closest("main .cell"),
  keydown: ({ target, key, ctrlKey, metaKey }) => (key === " " ? target.matches(".cell a, a.cell") : key === "a" && (ctrlKey || metaKey) && document.querySelector("main .cell")),
  pointerdown: ({ target, button, pointerType }) =>
    !button && (target.closest(".check") || (pointerType === "mouse" && target.closest("main") && !target.closest(THINGS))),
};

async function begin(event) {
  const { type, target } = event;
  if (!begins[type](event) || target.closest("input, textarea, dialog")) return;
  if (type !== "pointerdown") {
    event.preventDefault();
    event.stopImmediatePropagation();
  }
  await import("./selecting.js");
  for (const one in begins) removeEventListener(one, begin, true);
  target.dispatchEvent(new event.constructor(type, event));
}

for (const type in begins) addEventListener(type, begin, true);

// What was done, before the page was loaded anew too.
const notes = () => import("./select-notes.js");
addEventListener("htmx:afterSwap", ({ detail }) => detail.target.closest("#toasts") && notes());
try {
  if (localStorage.operation) notes();
} catch {} // storage is switched off
