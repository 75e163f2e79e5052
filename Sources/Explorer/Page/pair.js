"use strict";
// Two sources side by side, such as near-duplicates: their rolls, which scroll and zoom together, and their sound.
const pairView = (() => {
  const { $, element, whole, short } = page;
  const { ask, askRoll, complainOfSound, drawFacts } = explorer;

  let seen = null;
  let rolls = [];
  async function show() {
    const numbers = ["first", "second"].map((name) => explorer.state.get(name));
    const wanted = numbers.join(" ");
    if (seen === wanted) return;
    clear();
    seen = wanted;
    const found = await Promise.all(numbers.map(look));
    if (wanted !== seen) return;
    const box = $("pair");
    document.title = `two sources – ${explorer.dataset.dataset}`;
    const axis = new Roll.Axis(Math.max(...found.map((one) => one.length)));
    rolls = found.map((one) => draw(box, one, axis));
  }
  // A roll that is not seen would still be drawn.
  function clear() {
    if (seen === null) return;
    Sound.stop();
    for (const roll of rolls) roll.remove();
    rolls = [];
    seen = null;
    $("pair").replaceChildren();
  }
  async function look(number) {
    const { source } = await ask(`/api/source?source=${encodeURIComponent(number)}`);
    return { source, ...await askRoll(source.kind, `source=${source.number}`) };
  }
  function draw(parent, { source, music, features, length }, axis) {
    const box = element("section", null, parent, { "aria-label": source.path });
    const name = source.path.slice(source.path.lastIndexOf("/") + 1);
    element("h2", name, box);
    const tags = element("p", null, box);
    element("span", source.split || "split by segment", tags, { class: `tag ${source.split || ""}` });
    for (const [label, value] of Object.entries(source.labels)) element("span", `${label} ${value}`, tags, { class: "tag" });
    if (source.first) element("a", `${whole(source.segments)} segments`, tags, { href: `#source=${source.number}` });
    const button = element("button", "▶ play", box, { type: "button", class: "play", "aria-label": `play ${name}` });
    const address = `/api/sound?source=${source.number}`;
    const roll = new Roll(box, {
      name, length, music, features, axis, sound: music ? null : { address, start: 0 },
      follow: (second) => { button.textContent = second === null ? "▶ play" : "■ stop"; },
      fault: () => complainOfSound(address),
    });
    button.addEventListener("click", () => roll.toggle());
    drawFacts(box, [...source.measures.map(({ title, value }) => [title, short(value)]), ["path", source.path]]);
    return roll;
  }

  return { show, clear };
})();
