// What the bar does with the selected photos: dialogs where something is asked, then one order to the server.
import { clear, fields, size } from "./selecting.js";
import { words } from "./words.js";

const ASKS = ["add-tag", "reject-tag", "date", "delete"];

/** Do what a button of the bar says. */
export function act(name, bar) {
  if (size() === 0) return;
  if (ASKS.includes(name)) openDialog(name, bar);
  else if (name === "download") download(bar.dataset.download);
  else order(bar, name === "favourite" && allFavourites() ? "unfavourite" : name, {});
}

// Where all that is selected and in sight are favourites, the heart takes them off.
function allFavourites() {
  const seen = Array.from(document.querySelectorAll("main .cell.chosen"));
  return seen.length > 0 && seen.every((cell) => cell.querySelector(".heart"));
}

function openDialog(name, bar) {
  const dialog = document.getElementById(`act-${name}`);
  for (const form of dialog.querySelectorAll("form")) form.reset();
  dialog.querySelector("[data-how-many]").textContent = words("photos", { count: size() }, bar);
  dialog.onclick = ({ target }) => target.closest("[data-close]") && dialog.close();
  dialog.onsubmit = ({ target, submitter }) => order(bar, submitter.value, Object.fromEntries(new FormData(target)));
  if (name === "reject-tag") htmx.ajax("POST", bar.dataset.tags, { target: "#act-tags", values: fields() });
  dialog.showModal();
}

async function order(bar, kind, more) {
  const host = document.getElementById("toasts");
  host.replaceChildren();
  try {
    await htmx.ajax("POST", bar.dataset.operate, { target: host, swap: "innerHTML", values: { ...more, ...fields(), kind } });
  } catch {
    // told below
  }
  const note = host.querySelector(".toast");
  if (!note) tell(host, words("lost", {}, bar));
  else if (!note.matches(".wrong")) clear();
}

function tell(host, text) {
  const note = host.appendChild(Object.assign(document.createElement("div"), { className: "toast wrong" }));
  note.append(Object.assign(document.createElement("p"), { textContent: text }));
}

/** A form of its own: the browser saves what comes, and the page stays. */
function download(address) {
  const form = Object.assign(document.createElement("form"), { method: "post", action: address, hidden: true });
  const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
  for (const [name, value] of Object.entries({ ...fields(), csrfmiddlewaretoken: token, next: location.pathname + location.search })) {
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
  }
  document.body.append(form);
  form.submit();
  form.remove();
}
