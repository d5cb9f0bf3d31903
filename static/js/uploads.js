// Ways to upload: links and buttons marked data-upload, drops anywhere. What asks, sends and shows comes when it is
// needed.
const choosing = (act) => import("./choosing.js").then(act);

addEventListener(
  "click",
  (event) => {
    const asked = event.target.closest?.("[data-upload]");
    if (!asked || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    event.stopPropagation(); // before htmx, where links are boosted
    choosing(({ ask }) => ask(asked));
  },
  true,
);

let inside = 0;
for (const [name, step] of Object.entries({ dragenter: 1, dragover: 0, dragleave: -1, drop: -Infinity })) {
  addEventListener(name, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    if (name !== "dragleave") event.preventDefault();
    inside = Math.max(0, inside + step);
    document.body.classList.toggle("dropping", inside > 0);
    if (name !== "drop") return;
    const files = [...event.dataTransfer.items].filter((item) => item.kind === "file");
    const entries = files.map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile()); // now: later they are gone
    choosing(({ drop }) => drop(entries));
  });
}
