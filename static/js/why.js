// "Why?" beside a chip: opens after a moment's rest on it, on focus by keyboard and on a click; Escape closes it.
// Without this script its links lead to a page with the same words.

const REST_MS = 400;
const LEAVE_MS = 300;
let timer = null;
let opener = null;

const pop = () => document.querySelector("[data-why-pop]");
const linkOf = (target) => target.closest?.(".chip")?.querySelector("[data-why]") ?? target.closest?.("[data-why]");

function later(act, ms) {
  clearTimeout(timer);
  timer = setTimeout(act, ms);
}

// Beside what it tells of, below it or above, inside the window; on phones the style sheet has it at the foot.
function place(box, beside) {
  const at = beside.getBoundingClientRect();
  const left = Math.max(16, Math.min(at.left, innerWidth - box.offsetWidth - 16));
  const below = at.bottom + 8;
  const fits = below + box.offsetHeight <= innerHeight - 16;
  box.style.left = `${left}px`;
  box.style.top = `${fits ? below : Math.max(16, at.top - 8 - box.offsetHeight)}px`;
}

async function open(link, focus) {
  const box = pop();
  clearTimeout(timer);
  if (!box || !link?.isConnected) return;
  if (opener === link && box.matches(":popover-open")) {
    if (focus) enter(box);
    return;
  }
  opener?.setAttribute("aria-expanded", "false");
  opener = link;
  await htmx.ajax("GET", link.href, { target: box, swap: "innerHTML" });
  if (opener !== link || !box.isConnected) return;
  link.setAttribute("aria-expanded", "true");
  if (!box.matches(":popover-open")) box.showPopover();
  place(box, link.closest(".chip") ?? link);
  if (focus) enter(box);
}

function enter(box) {
  (box.querySelector(".why a, .why button") ?? box.querySelector("#why-tag"))?.focus();
}

function close(back = false) {
  clearTimeout(timer);
  const box = pop();
  if (box?.matches(":popover-open")) box.hidePopover();
  opener?.setAttribute("aria-expanded", "false");
  if (back && opener?.isConnected) opener.focus();
  opener = null;
}

const isOpen = () => pop()?.matches(":popover-open");
// A pointer that only passes by, or leaves while somebody writes into it, changes nothing.
const isUsed = () => pop()?.contains(document.activeElement);

document.addEventListener("pointerover", (event) => {
  if (event.pointerType !== "mouse") return;
  if (event.target.closest?.("[data-why-pop]")) return clearTimeout(timer);
  const link = event.target.closest?.(".chip") && linkOf(event.target);
  if (link && link !== opener) later(() => open(link, false), REST_MS);
  else if (link) clearTimeout(timer);
  else if (isOpen() && !isUsed()) later(close, LEAVE_MS);
  else clearTimeout(timer);
});

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-why]");
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    open(link, true);
  } else if (isOpen() && !event.target.closest?.("[data-why-pop]")) close();
});

document.addEventListener("focusin", (event) => {
  const link = event.target.closest?.(".chip [data-why]");
  if (link?.matches(":focus-visible") && link !== opener) later(() => open(link, false), REST_MS);
  else if (isOpen() && !event.target.closest?.("[data-why-pop], .chip, .why-not")) close();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !isOpen()) return;
  event.stopImmediatePropagation();
  event.preventDefault();
  close(true);
}, true);

document.addEventListener("submit", (event) => {
  const form = event.target.closest?.("[data-why-pop] [data-why-ask]");
  if (!form) return;
  event.preventDefault();
  const question = `${form.getAttribute("action")}?${new URLSearchParams(new FormData(form))}`;
  htmx.ajax("GET", question, { target: pop(), swap: "innerHTML" });
});
