"use strict";
// Two sources side by side, such as near-duplicates: their rolls, which scroll and zoom together, and their sound.
const pairView = (() => {
  const { $, element, whole, short, lengthOf } = page;
  const { ask, askFeatures, complain } = explorer;

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
    const query = `source=${source.number}`;
    const [music, features] = await Promise.all([
      source.kind === "midi" ? ask(`/api/notes?${query}`) : null, source.kind === "midi" ? null : askFeatures(`/api/features?${query}`),
    ]);
    const columns = features && features.features.length > 0 ? features.features[0].columns * features.seconds : 0;
    return { source, music, features, length: columns || Math.max(1, lengthOf(music?.notes ?? [])) };
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
    const roll = new Roll(box, {
      name, length, music, features, axis, sound: music ? null : { address: `/api/sound?source=${source.number}`, start: 0 },
      follow: (second) => { button.textContent = second === null ? "▶ play" : "■ stop"; },
      fault: () => complain(new Error("the browser cannot play this file")),
    });
    button.addEventListener("click", () => {
      if (roll.heard === null) roll.play();
      else roll.stop();
    });
    const list = element("dl", null, box, { class: "facts" });
    for (const [title, text] of [...source.measures.map((one) => [one.title, short(one.value)]), ["path", source.path]]) {
      const pair = element("div", null, list, String(text).length > 40 ? { class: "wide" } : {});
      element("dt", title, pair);
      element("dd", text, pair);
    }
    return roll;
  }

  return { show, clear };
})();
