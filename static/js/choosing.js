// What is to be uploaded: chosen files, a folder, or first which of them; what the form holds; what was dropped.
import { collect } from "./dropped.js";
import { add } from "./upload.js";
import { words } from "./words.js";

const hasFolders = "webkitdirectory" in HTMLInputElement.prototype && matchMedia("(hover: hover)").matches;

function showMenu(beside) {
  document.getElementById("upload-menu")?.remove();
  const menu = document.createElement("div");
  menu.id = "upload-menu";
  menu.className = "menu upload-menu";
  menu.popover = "auto";
  for (const [kind, text] of [["files", words("chooseFiles")], ["folder", words("chooseFolder")]]) {
    const item = Object.assign(document.createElement("button"), { type: "button", textContent: text });
    item.dataset.upload = kind;
    menu.append(item);
  }
  beside.after(menu); // so that it is next in the order of the keyboard
  menu.showPopover();
  const box = beside.getBoundingClientRect();
  const below = box.bottom + menu.offsetHeight + 12 < innerHeight;
  menu.style.top = `${below ? box.bottom + 6 : box.top - menu.offsetHeight - 6}px`;
  const widest = document.body.getBoundingClientRect().right - menu.offsetWidth - 8;
  menu.style.left = `${Math.max(8, Math.min(box.left, widest))}px`;
  menu.firstElementChild.focus();
}

function choose(folder) {
  const input = document.createElement("input");
  input.type = "file";
  input.multiple = true;
  input.className = "visually-hidden";
  if (folder) input.webkitdirectory = true;
  else input.accept = "image/*,.heic,.heif,.avif";
  input.addEventListener("change", () => add(input.files));
  input.click();
}

/** Answer a link or button marked data-upload: "files", "folder", or nothing, where the person chooses. */
export function ask(asked) {
  document.getElementById("upload-menu")?.hidePopover();
  if (asked.dataset.upload || !hasFolders) choose(asked.dataset.upload === "folder");
  else showMenu(asked);
}

/** Take the files of the upload page's form. */
export function change(input) {
  if (input.files.length) add([...input.files]);
  input.value = "";
}

/** Let the form's button ask for files. */
export function submit(form) {
  form.querySelector("input[type=file]").click();
}

/** Take what was dropped: files, and entries of folders. */
export async function drop(entries) {
  add(await collect(entries));
}
