// How large photos stand in the grid: at once here, and kept for next time. Loaded when the slider is about to be used.
const slider = () => document.getElementById("row-size");

function take() {
  document.body.dataset.row = slider().value;
  dispatchEvent(new Event("row-size"));
}

function keep() {
  const { "x-csrftoken": token } = JSON.parse(document.body.getAttribute("hx-headers"));
  const { value, dataset } = slider();
  fetch(dataset.url, { method: "POST", headers: { "X-CSRFToken": token }, body: new URLSearchParams({ row: value }) });
}

for (const [name, act] of Object.entries({ input: take, change: keep })) {
  document.addEventListener(name, ({ target }) => target.id === "row-size" && act());
}

if (slider() && slider().value !== document.body.dataset.row) {
  take(); // it was moved before this was here
  keep();
}
