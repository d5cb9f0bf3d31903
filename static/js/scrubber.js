// Years and months along the side, as far apart as they are in the roll: click, drag, or go through the years.

const LABEL_PX = 24;

/** Put the scrubber, a pattern of the page, into a roll. */
export function startScrubber(view) {
  const nav = view.patterns[5].cloneNode(true);
  const [list, knob, bubble] = nav.children;
  nav.key = ""; // comes last
  view.root.append(nav);

  function monthAt(share) {
    const { lines, height } = view.roll;
    const { y, h, blocks } = lines.findLast((line) => line.y <= share * height) ?? lines[0];
    return blocks[Math.min(blocks.length - 1, Math.floor(((share * height - y) / h) * blocks.length))];
  }

  /** Years where they begin, or as near as there is room; months as ticks between them. */
  function draw() {
    const { lines, height } = view.roll;
    nav.hidden = view.list.more || height + view.base <= innerHeight;
    list.replaceChildren();
    const high = innerHeight - view.bar - 16;
    const months = lines.flatMap(({ y, h, blocks }) =>
      blocks.map(({ key }, i) => ({ key, at: ((y + (i / blocks.length) * h) / height) * high })),
    );
    let left = new Set(months.map(({ key }) => key.slice(0, 4))).size;
    let [free, tick, before] = [0, 0, ""];
    for (const { key, at } of months) {
      const year = key.slice(0, 4);
      const isNew = year !== before;
      const there = isNew ? Math.min(Math.max(at, free), high - LABEL_PX * left--) : at;
      before = year;
      if (there < (isNew ? free : tick)) continue;
      const item = document.createElement("li");
      item.style.top = `${there}px`;
      item.innerHTML = isNew ? `<a href="?month=${key}" data-year="${year}">${year}</a>` : "<i></i>";
      list.append(item);
      tick = there + (isNew ? LABEL_PX : 8);
      if (isNew) free = tick;
    }
  }

  function mark(share) {
    knob.style.top = `${share * 100}%`;
    const { key } = monthAt(share);
    const links = [...nav.querySelectorAll("a")];
    const now = links.findLast((link) => link.dataset.year >= key.slice(0, 4)) ?? links[0];
    for (const link of links) link.ariaCurrent = link === now;
  }

  function point(event) {
    const { top, height } = nav.getBoundingClientRect();
    const share = Math.max(0, Math.min(1, (event.clientY - top) / height));
    bubble.textContent = view.monthOf(monthAt(share).key);
    bubble.style.top = `${share * 100}%`;
    if (event.buttons & 1) view.goToShare(share);
  }

  nav.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    nav.setPointerCapture(event.pointerId);
    point(event);
  });
  nav.addEventListener("pointermove", point);
  nav.addEventListener("pointerup", view.settle);
  nav.addEventListener("click", (event) => {
    event.preventDefault();
    const link = event.target.closest("a");
    if (link && !event.detail) view.goToRank(view.find({ day: `${link.search.slice(7)}-99` })); // by keyboard
  });
  return { draw, mark };
}
