// Judging by keyboard, and the slider's numbers while it moves. Without it, buttons and forms do the same.

const number = new Intl.NumberFormat(document.documentElement.lang);

function showTaken(range) {
  const taken = number.format(Number(range.dataset.takes.split(" ")[range.value - 1]));
  for (const place of document.querySelectorAll("#learn [data-taken]")) place.textContent = taken;
  document.querySelector("#learn [data-percent]").textContent = range.value;
  for (const hidden of document.querySelectorAll('#learn input[type="hidden"][name="cut"]')) hidden.value = range.value;
}

document.addEventListener("input", ({ target }) => {
  if (target.id === "cut") showTaken(target);
});

// Where somebody was judging: the same place of the same list has the next photo afterwards.
let place = null;

const listsOf = () => Array.from(document.querySelectorAll("#learn .judging"), (list) => Array.from(list.children));

function placeOf(cell) {
  const lists = listsOf();
  const list = lists.findIndex((cells) => cells.includes(cell));
  return { list, at: lists[list].indexOf(cell) };
}

function shownIn(cells) {
  return cells.filter((cell) => !cell.hidden);
}

function move(cell, by) {
  const cells = shownIn(Array.from(cell.parentElement.children));
  cells[cells.indexOf(cell) + by]?.querySelector("a").focus();
}

const KEYS = { y: "yes", n: "no", u: "undo" };

document.addEventListener("keydown", (event) => {
  const cell = event.target.closest?.("#learn .judging .cell");
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (!cell) {
    if (event.target === document.body && (event.key === "y" || event.key === "n")) {
      document.querySelector("#likely .cell a")?.focus();
    }
    return;
  }
  if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
    event.preventDefault();
    move(cell, event.key === "ArrowRight" ? 1 : -1);
  } else if (event.key in KEYS) {
    cell.querySelector(`[name="${KEYS[event.key]}"]`)?.click();
  }
});

// Something said makes answers out of date that were asked for before and are still on their way.
let said = 0;
const saidBefore = new WeakMap();

document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  if (detail.requestConfig.verb !== "get") said += 1;
  saidBefore.set(detail.xhr, said);
});

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.requestConfig.verb === "get" && saidBefore.get(detail.xhr) !== said) detail.shouldSwap = false;
});

document.addEventListener("htmx:beforeRequest", ({ target }) => {
  const cell = document.activeElement?.closest("#learn .judging .cell");
  place = cell && target.contains(cell) ? placeOf(cell) : null;
});

document.addEventListener("htmx:afterSettle", ({ target }) => {
  if (target.id !== "learn" || !place) return;
  const cells = shownIn(listsOf()[place.list] ?? []);
  const next = cells[Math.min(place.at, cells.length - 1)];
  next?.querySelector("a").focus({ preventScroll: true });
  place = null;
});
