// What every page needs: pictures that fade in, keys for searching and for help, the installed app.
const { documentElement: root } = document;
root.classList.add("js");

// Pictures: keep the dominant colour until the thumbnail is there. Of a picture's load the window never hears.
for (const event of ["load", "error"]) {
  document.addEventListener(event, ({ target }) => target.tagName === "IMG" && target.classList.add("shown"), true);
}

function look() {
  for (const picture of document.images) if (picture.complete) picture.classList.add("shown");
  if (document.querySelector("[data-watch]")) import("./watching.js");
}

let looking = false; // htmx tells of each new element, and one look does for all
addEventListener("htmx:afterSwap", () => {
  if (looking) return;
  looking = true;
  queueMicrotask(() => {
    looking = false;
    look();
  });
});
look();

const keys = {
  "/": () => {
    const search = document.getElementById("q");
    search?.focus();
    search?.select();
    return search;
  },
  "?": () => document.querySelector("[data-keys]") && import("./keys.js").then(({ show }) => show()),
};
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest?.("input, textarea, select, [contenteditable], dialog[open]")) return;
  if (keys[event.key]?.()) event.preventDefault();
});

addEventListener("focusin", ({ target }) => target.closest(".row-size, #row-size") && import("./row-size.js"));

// The service worker, where the address is a secure one.
const app = document.querySelector("[data-worker]");
if (app) addEventListener("load", () => navigator.serviceWorker?.register(app.dataset.worker).catch(console.warn));
