// The note of what was done to many photos, at the foot of the page: with Undo, over reloads, for a minute and a half.

const host = document.getElementById("toasts");
const KEPT = "operation";
const LEAST_MS = 8000;
let closing = 0;

function remember(address) {
  try {
    if (address) localStorage.setItem(KEPT, address);
    else localStorage.removeItem(KEPT);
  } catch {
    // storage is switched off: the note is then for this page alone, and the page of latest changes has it
  }
}

function close() {
  remember("");
  host.replaceChildren();
}

function watch() {
  const note = host.querySelector(".toast");
  clearTimeout(closing);
  if (!note) return;
  const isWorking = note.matches("[hx-get]");
  const left = Number(note.dataset.until) - Date.now();
  if (note.dataset.operation && (isWorking || left > 0)) remember(note.dataset.operation);
  if (!isWorking) closing = setTimeout(close, Math.max(left || 0, LEAST_MS));
  // A page without a list that renews itself shows what was; the note comes again with the new one.
  if (note.matches("[data-fresh]") && !document.querySelector("[data-feed], [data-timeline]")) location.reload();
}

document.addEventListener("htmx:afterSwap", watch);
host.addEventListener("click", ({ target }) => target.closest(".dismiss") && close());
watch();

async function comeBack(address) {
  await htmx.ajax("GET", address, { target: host, swap: "innerHTML" }).catch(() => undefined);
  if (!host.firstChild) remember(""); // somebody else's, or forgotten
}

if (!host.firstChild && localStorage.getItem(KEPT)) comeBack(localStorage.getItem(KEPT));
