// A tag's page: "not this" on the photo under the pointer or the focus, and menus that close.
import { words } from "./words.js";

let form = null;

function makeForm() {
  const template = document.getElementById("not-this");
  if (!template) return null;
  const made = template.content.firstElementChild.cloneNode(true);
  document.body.append(made);
  htmx.process(made);
  return made;
}

// One form goes from cell to cell: a page may have thousands.
function offer(cell) {
  if (!cell || cell.querySelector(".judged")) return;
  if (!form?.isConnected) form = makeForm();
  if (!form || form.parentElement === cell) return;
  form.elements.photo.value = cell.dataset.id;
  cell.append(form);
}

for (const event of ["pointerover", "focusin"]) {
  document.addEventListener(event, ({ target, pointerType }) => {
    if (pointerType !== "touch") offer(target.closest?.(".roll .cell[data-id]"));
  });
}

// What was said stands over the photo, which stays in its place: nothing moves, and Undo is at hand.
document.addEventListener("tag-judged", ({ detail }) => {
  const cell = document.querySelector(`.roll .cell[data-id="${detail.photo}"]`);
  const said = cell?.querySelector(".judged p")?.textContent ?? words("takenBack", {}, document.getElementById("not-this"));
  (cell?.querySelector(".judged button") ?? cell?.querySelector("a"))?.focus({ preventScroll: true });
  const announcer = document.getElementById("announcer");
  if (announcer) announcer.textContent = said;
});

// A menu closes with Escape and with a click beside it.
function closeMenus(except) {
  for (const menu of document.querySelectorAll(".facet-menu[open]")) if (menu !== except) menu.open = false;
}

document.addEventListener("click", ({ target }) => closeMenus(target.closest?.(".facet-menu")));
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && document.querySelector(".facet-menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});
