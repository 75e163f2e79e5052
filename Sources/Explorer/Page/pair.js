"use strict";
// Two sources side by side, such as near-duplicates: their pictures, which scroll together, and their sound.
const pairView = (() => {
  const { $, element, whole, short, lengthOf } = page;
  const { ask, complain } = explorer;

  let seen = null;
  async function show() {
    const numbers = ["first", "second"].map((name) => explorer.state.get(name));
    Sound.stop();
    for (const button of document.querySelectorAll("#pair .play")) button.textContent = "▶ play";
    if (seen === numbers.join(" ")) return;
    seen = numbers.join(" ");
    const wanted = seen;
    const found = await Promise.all(numbers.map((number) => ask(`/api/source?source=${encodeURIComponent(number)}`)));
    if (wanted !== seen) return;
    const box = $("pair");
    box.replaceChildren();
    document.title = `two sources – ${explorer.dataset.dataset}`;
    const frames = found.map((one) => draw(box, one));
    for (const frame of frames) {
      frame.addEventListener("scroll", () => {
        for (const other of frames) if (other !== frame) other.scrollLeft = frame.scrollLeft;
      });
    }
  }
  function draw(parent, { source, picture }) {
    const box = element("section", null, parent, { "aria-label": source.path });
    const name = source.path.slice(source.path.lastIndexOf("/") + 1);
    element("h2", name, box);
    const tags = element("p", null, box);
    element("span", source.split || "split by segment", tags, { class: `tag ${source.split || ""}` });
    for (const [label, value] of Object.entries(source.labels)) element("span", `${label} ${value}`, tags, { class: "tag" });
    if (source.first) element("a", `${whole(source.segments)} segments`, tags, { href: `#source=${source.number}` });
    drawPlayer(box, source);
    const frame = element("div", null, box, { class: "scroll", tabindex: "0", "aria-label": `picture of ${name}` });
    element("img", null, element("div", null, frame, { class: "picture" }), { src: `/api/picture?source=${source.number}`, width: picture.width, height: picture.height, alt: `rolls or features of ${name}` });
    const list = element("dl", null, box, { class: "facts" });
    for (const [title, text] of [...source.measures.map((one) => [one.title, short(one.value)]), ["path", source.path]]) {
      const pair = element("div", null, list, String(text).length > 40 ? { class: "wide" } : {});
      element("dt", title, pair);
      element("dd", text, pair);
    }
    return frame;
  }
  function drawPlayer(box, source) {
    if (source.kind !== "midi") {
      element("audio", null, box, { controls: "", preload: "none", src: `/api/sound?source=${source.number}` });
      return;
    }
    const button = element("button", "▶ play", box, { type: "button", class: "play" });
    button.addEventListener("click", () => {
      const isOn = button.textContent !== "▶ play";
      Sound.stop();
      for (const other of document.querySelectorAll("#pair .play")) other.textContent = "▶ play";
      if (isOn) return;
      button.textContent = "■ stop";
      ask(`/api/notes?source=${source.number}`).then(({ notes }) => {
        if (button.textContent !== "▶ play") Sound.notes(notes, lengthOf(notes), () => { button.textContent = "▶ play"; });
      }).catch(complain);
    });
  }

  return { show };
})();
