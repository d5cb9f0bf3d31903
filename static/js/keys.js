// The keys, in a dialog: the part of their page that htmx would ask for.

const address = document.querySelector("link[data-keys]").dataset.keys;
let dialog = null;

async function make() {
  const answer = await fetch(address, { headers: { "HX-Request": "true" } });
  if (!answer.ok || answer.redirected) throw new Error(`${answer.status} for ${address}`);
  const made = document.createElement("dialog");
  made.className = "keys-dialog";
  made.setAttribute("aria-labelledby", "keys-title");
  made.innerHTML = await answer.text();
  made.addEventListener("keydown", (event) => made.open && event.stopPropagation()); // the page behind has keys of its own
  made.addEventListener("click", ({ target }) => {
    if (target === made || target.closest("[data-close]")) made.close();
  });
  return made;
}

function style() {
  const address = new URL("../css/keys.css", import.meta.url).pathname;
  if (document.querySelector(`link[href="${address}"]`)) return Promise.resolve();
  const sheet = Object.assign(document.createElement("link"), { rel: "stylesheet", href: address });
  return new Promise((resolve) => {
    sheet.addEventListener("load", resolve);
    sheet.addEventListener("error", resolve);
    document.head.append(sheet);
  });
}

export async function show() {
  try {
    [dialog] = await Promise.all([dialog ?? make(), style()]);
  } catch {
    location.assign(address); // logged out, or no network: the page will say so
    return;
  }
  if (!dialog.isConnected) document.body.append(dialog);
  if (!dialog.open) dialog.showModal();
}
