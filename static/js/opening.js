// A photo opens over the list that it stands in. What that takes is fetched when it is first wanted.
const fetched = () => import("./lightbox.js");
const photoOf = (target) => {
  const link = target.closest?.("a.cell, .cell > a");
  return /\/photo\/\d+\/$/.test(link?.pathname) && link;
};
const isPlain = (event) => !(event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);

// By the time that the button or finger comes up again, it may be here.
addEventListener("pointerdown", ({ target }) => photoOf(target) && fetched().catch(console.warn));

// While uploads run, htmx takes clicks on links first, and asks before it does.
for (const type of ["click", "htmx:confirm"]) {
  document.addEventListener(type, (event) => {
    const link = photoOf(event.target);
    if (!link || event.defaultPrevented || !isPlain(event)) return;
    event.preventDefault();
    fetched().then((box) => box.open(link)).catch(() => location.assign(link.href));
  });
}

addEventListener("popstate", ({ state }) => {
  if (document.body.classList.contains("viewing")) return; // a photo's own page looks after itself
  if (state?.viewer || document.getElementById("lightbox")?.open) fetched().then((box) => box.follow());
});
