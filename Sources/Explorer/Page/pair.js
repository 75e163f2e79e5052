"use strict";
// Two sources, such as near-duplicates, one above the other: aligned by their onsets, on the same axes of time and pitch,
// with one cursor of sound that can change from one to the other.
const pairView = (() => {
  const { $, element, whole, short } = page;
  const { ask, askRoll, complainOfSound, drawTable } = explorer;

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
    const { later, share, semitones } = Alignment.find(...found);
    const shifts = [Math.max(0, -later), Math.max(0, later)];
    element("p", describe(later, share, semitones), box, { id: "alignment", class: "soft", role: "status" });
    const axis = new Roll.Axis(Math.max(...found.map((one, index) => one.length + shifts[index])));
    rolls = found.map((one, index) => draw(box, one, axis, shifts[index]));
    Roll.joinRows(rolls);
    axis.draw();
    changesView.show(box, ...found.map(({ source }) => source.number));
    drawNumbers(box, found.map(({ source }) => source));
  }
  // Each number of both, beside each other.
  function drawNumbers(parent, sources) {
    const titles = [...new Set(sources.flatMap((source) => source.measures.map(({ title }) => title)))];
    const body = drawTable(parent, ["", ...sources.map((source) => source.path)], "numbers of both");
    for (const title of titles) {
      const row = element("tr", null, body);
      element("th", title, row, { scope: "row" });
      for (const source of sources) element("td", short(source.measures.find((one) => one.title === title)?.value), row);
    }
  }
  function describe(later, share, semitones) {
    if (share === null) return "No common onsets were found, so both begin at the start of their files.";
    const key = semitones === 0 ? "" : `, ${Math.abs(semitones)} semitone${Math.abs(semitones) === 1 ? "" : "s"} ${semitones > 0 ? "higher" : "lower"}`;
    const place = Math.abs(later) < 0.005 ? "at the same second" : `when the second is moved ${Math.abs(later).toFixed(2)} s to the ${later > 0 ? "right" : "left"}`;
    return `Aligned by onsets: ${Math.round(100 * share)} % of those of the shorter one coincide ${place}${key}.`;
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
  function draw(parent, { source, music, features, length }, axis, shift) {
    const box = element("section", null, parent, { "aria-label": source.path });
    const name = source.path.slice(source.path.lastIndexOf("/") + 1);
    const head = element("div", null, box, { class: "head" });
    element("h2", name, head);
    const tags = element("span", null, head);
    element("span", source.split || "split by segment", tags, { class: `tag ${source.split || ""}` });
    for (const [label, value] of Object.entries(source.labels)) element("span", `${label} ${value}`, tags, { class: "tag" });
    if (source.first) element("a", `${whole(source.segments)} segments`, tags, { href: `#source=${source.number}` });
    const button = element("button", "▶ play", head, { type: "button", class: "play", "aria-label": `play ${name}` });
    const address = `/api/sound?source=${source.number}`;
    const roll = new Roll(box, {
      name, length, music, features, axis, shift, height: 160, sound: music ? null : { address, start: 0 },
      follow: (second) => { button.textContent = second === null ? "▶ play" : "■ stop"; },
      fault: () => complainOfSound(address),
    });
    // Where the other one is heard, this one continues.
    button.addEventListener("click", () => {
      const other = rolls.find((one) => one !== roll && one.heard !== null);
      if (!other) return roll.toggle();
      const second = other.heard + other.shift - shift;
      return roll.play(second > 0 && second < length ? second : 0);
    });
    return roll;
  }

  return { show, clear };
})();
