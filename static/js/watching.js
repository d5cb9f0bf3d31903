// Asks again what is on its way, while somebody looks: never behind another tab, never under an open question
// or a list that is being chosen from. `data-watch` is the time between two questions, in seconds.

const last = new WeakMap();

function isBusy(element) {
  const active = element.contains(document.activeElement) && document.activeElement;
  return Boolean(element.querySelector(":popover-open") || (active && active.matches("select, input")));
}

function look() {
  if (document.visibilityState !== "visible") return;
  const now = performance.now();
  for (const element of document.querySelectorAll("[data-watch]")) {
    if (!last.has(element)) last.set(element, now);
    if (isBusy(element) || now - last.get(element) < element.dataset.watch * 1000) continue;
    last.set(element, now);
    htmx.trigger(element, "look");
  }
}

setInterval(look, 500);
document.addEventListener("visibilitychange", look);
