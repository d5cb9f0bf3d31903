// Tags of a photo: keep the keyboard's place when a chip goes, tell when tags came, complete what is typed.
import { words } from "./words.js";

let place = null;
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.target.id !== "photo-tags") return;
  const buttons = [...detail.target.querySelectorAll("button")];
  place = detail.target.contains(document.activeElement) ? buttons.indexOf(document.activeElement) : null;
  if (detail.xhr.status === 200 && detail.requestConfig.elt.matches(".add-tag")) {
    detail.requestConfig.elt.reset();
  }
});

document.addEventListener("htmx:afterSettle", ({ detail }) => {
  const tags = document.getElementById("photo-tags");
  if (!tags || detail.requestConfig?.target?.id !== "photo-tags") return;
  if (place !== null && !tags.contains(document.activeElement)) {
    const buttons = tags.querySelectorAll("button");
    (buttons[Math.min(place, buttons.length - 1)] ?? document.getElementById("add-tag")).focus();
  }
  place = null;
  if (detail.requestConfig.verb === "get" && tags.dataset.pending === "no") {
    document.body.dispatchEvent(new CustomEvent("tags-came"));
    const names = [...tags.querySelectorAll(".chips:not(.rejected) .chip a:not([data-why])")].map((link) => link.textContent);
    const announcer = document.querySelector("#lightbox > [role=status]") ?? document.getElementById("announcer");
    if (announcer) announcer.textContent = names.length ? words("tagsCame", { names: names.join(", ") }) : words("noTags");
  }
});

// Combobox after the ARIA Authoring Practices: the list opens while one types, arrows choose, Enter takes,
// Escape closes. The field itself sends whatever stands in it.
document.addEventListener("focusin", ({ target }) => {
  if (target.matches?.("[data-suggest]") && !target.role) complete(target);
});

function complete(input) {
  const list = document.createElement("ul");
  Object.assign(list, { id: `${input.id}-words`, className: "words", role: "listbox", hidden: true });
  list.setAttribute("aria-label", words("tags"));
  input.after(list);
  input.role = "combobox";
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-controls", list.id);
  let asked = 0;
  let timer = 0;
  const chosen = () => list.querySelector('[aria-selected="true"]');

  function choose(option) {
    chosen()?.setAttribute("aria-selected", "false");
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) input.setAttribute("aria-activedescendant", option.id);
    else input.removeAttribute("aria-activedescendant");
  }

  function offer(found) {
    list.replaceChildren(
      ...found.map((word, number) => {
        const option = document.createElement("li");
        Object.assign(option, { id: `${list.id}-${number}`, role: "option", textContent: word });
        option.setAttribute("aria-selected", "false");
        return option;
      }),
    );
    list.hidden = found.length === 0;
    input.setAttribute("aria-expanded", String(!list.hidden));
    choose(null);
  }

  async function look() {
    const mine = ++asked;
    const typed = input.value.trim();
    const page = document.createElement("template");
    if (typed) {
      const answer = await fetch(`${input.dataset.suggest}?${new URLSearchParams({ q: typed })}`).catch(() => null);
      if (answer?.ok) page.innerHTML = await answer.text();
    }
    if (mine === asked) offer([...page.content.querySelectorAll("option")].map((option) => option.value));
  }

  function close() {
    asked += 1;
    clearTimeout(timer);
    offer([]);
  }

  function take(option) {
    input.value = option.textContent;
    close();
  }

  offer([]);
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, 100);
  });
  input.addEventListener("blur", close);
  input.form.addEventListener("submit", close);
  input.addEventListener("keydown", (event) => {
    const options = [...list.children];
    const here = options.indexOf(chosen());
    const moves = { ArrowDown: (here + 1) % options.length, ArrowUp: (here < 1 ? options.length : here) - 1 };
    if (event.key === "Escape" && !list.hidden) close();
    else if (event.key === "Enter" && here >= 0) take(options[here]);
    else if (event.key === "ArrowDown" && list.hidden) look();
    else if (event.key in moves && options.length) choose(options[moves[event.key]]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  list.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
  list.addEventListener("click", ({ target }) => target.matches("li") && (take(target), input.form.requestSubmit()));
}
