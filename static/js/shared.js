// Files that a phone shared: the service worker keeps them until their person says here that they are meant.
import { words } from "./words.js";

const AN_HOUR_MS = 3_600_000;
const section = document.querySelector("[data-shared]");

async function waiting() {
  const found = [];
  if (!window.caches) return found;
  const cache = await caches.open("shared");
  for (const key of await cache.keys()) {
    const { headers, blob } = await read(cache, key);
    if (Date.now() - Number(headers.get("x-shared")) > AN_HOUR_MS) continue;
    const facts = { type: headers.get("content-type"), lastModified: Number(headers.get("x-modified")) };
    found.push(new File([blob], decodeURIComponent(headers.get("x-name")), facts));
  }
  return found;
}

async function read(cache, key) {
  const kept = await cache.match(key);
  return { headers: kept.headers, blob: await kept.blob() };
}

// The ordinary way: as if they had been chosen in the form.
function hand(files) {
  const input = document.querySelector("form[data-upload-form] input[type=file]");
  const chosen = new DataTransfer();
  for (const file of files) chosen.items.add(file);
  input.files = chosen.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

async function settle(files) {
  if (files.length) hand(files);
  await caches.delete("shared");
  history.replaceState(null, "", location.pathname);
  section.hidden = true;
}

async function begin() {
  const files = await waiting();
  if (!files.length) return;
  const question = section.querySelector("[data-words]");
  question.textContent = words("add", { count: files.length }, question);
  section.querySelector("[data-take]").addEventListener("click", () => settle(files));
  section.querySelector("[data-leave]").addEventListener("click", () => settle([]));
  section.querySelector("[data-missing]").hidden = true;
  section.querySelector("[data-question]").hidden = false;
  section.querySelector("[data-take]").focus();
}

begin();
