"use strict";
// One segment, or its whole source: its picture, its sound and its numbers.
const segmentView = (() => {
  const { $, element, whole, short, pitchName, clock } = page;
  const { ask, complain, go } = explorer;

  let seen = null;
  let detail = null;
  async function show() {
    const [id, isWhole] = [explorer.state.get("segment"), explorer.state.has("whole")];
    const wanted = id ? `${id} ${isWhole}` : null;
    if (wanted === seen) return;
    seen = wanted;
    Sound.stop();
    if (!id) {
      detail = null;
      $("detail").replaceChildren($("nothing") || element("p", "Click a segment, or press j.", null, { class: "soft", id: "nothing" }));
      document.title = `${explorer.dataset.dataset} – explorer`;
      return;
    }
    const segment = await ask(`/api/segment?id=${id}`);
    const shown = isWhole ? await ask(`/api/source?source=${segment.source.number}`) : segment;
    if (wanted !== seen) return;
    detail = { ...segment, picture: shown.picture, isWhole };
    drawDetail();
  }
  function drawDetail() {
    const { source, picture, isWhole } = detail;
    const box = $("detail");
    box.replaceChildren();
    box.scrollTop = 0;
    const slash = source.path.lastIndexOf("/");
    const name = source.path.slice(slash + 1);
    document.title = `${name} ${isWhole ? "" : `${detail.number + 1} `}– ${explorer.dataset.dataset}`;
    const head = element("div", null, box, { class: "head" });
    element("button", "← list", head, { type: "button", id: "to-list" }).addEventListener("click", () => go({ segment: null, whole: null }));
    const title = element("h2", name, head);
    element("span", isWhole ? ` all ${whole(source.segments)} segments` : ` segment ${detail.number + 1} of ${whole(source.segments)}`, title, { class: "soft" });
    const tags = element("p", null, box);
    element("span", detail.segment.split("/")[0], tags, { class: `tag ${detail.segment.split("/")[0]}` });
    for (const [label, value] of Object.entries(source.labels)) {
      const tag = element("button", `${label} ${value}`, tags, { type: "button", class: "tag", title: `only ${value}` });
      tag.addEventListener("click", () => go({ [`label.${label}`]: value }));
    }
    const controls = element("div", null, box, { class: "controls" });
    const play = element("button", "▶ play", controls, { type: "button", id: "play" });
    play.addEventListener("click", () => toggle());
    const goOn = element("label", null, controls);
    element("input", null, goOn, { type: "checkbox", id: "go-on" });
    goOn.append(" autoplay");
    const move = (text, label, target) => {
      const button = element("button", text, controls, { type: "button", "aria-label": label });
      button.disabled = !target;
      button.addEventListener("click", () => go({ segment: target, whole: null }));
    };
    if (!isWhole) {
      move("←", "previous segment of the source", detail.before);
      move("→", "next segment of the source", detail.after);
    }
    element("button", isWhole ? "this segment" : "whole source", controls, { type: "button", id: "whole" }).addEventListener("click", () => go({ whole: isWhole ? null : "1" }));
    element("span", "", controls, { id: "time", class: "soft" });
    const frame = element("div", null, element("div", null, box, { class: "scroll", tabindex: "0", "aria-label": "picture" }), { class: "picture" });
    const address = isWhole ? `/api/picture?source=${source.number}` : `/api/picture?id=${detail.segment}`;
    const image = element("img", null, frame, { src: address, width: picture.width, height: picture.height, alt: `rolls or features of ${name}`, id: "picture" });
    image.addEventListener("click", (event) => {
      const x = (event.offsetX * picture.width / image.clientWidth - picture.left) / picture.plot;
      if (x >= 0 && x < 1) toggle(secondsAt(x * picture.columns));
    });
    element("div", null, frame, { id: "playhead", hidden: "" });
    notesView.show(box, detail.segment);
    if (!isWhole) {
      showFacts(box, "This segment", [
        ["segment", detail.segment], ["position", position(detail)],
        ...detail.measures.map(({ name: kind, title, value }) => [title, kind.endsWith("_pitch") ? `${pitchName(value)} (${value})` : short(value)]),
      ]);
    }
    const { count, paths } = source.same_piece;
    showFacts(box, isWhole ? "This source" : "Its whole source", [
      ["segments", whole(source.segments)], ...source.measures.map(({ title, value }) => [title, short(value)]),
      ["path", source.path], ["SHA-256", source.sha256],
      ...(count === 0 ? [] : [["same piece as", paths.join(", ") + (count > paths.length ? ` and ${whole(count - paths.length)} more` : "")]]),
      ...source.warnings.map((text) => ["warning", text]),
    ]);
  }
  // Where a segment lies in its source.
  function position({ kind, start, length, start_seconds: from, length_seconds: seconds }) {
    const place = `${kind === "audio" ? "samples" : "steps"} ${whole(start)} to ${whole(start + length)}`;
    return from === null ? place : `${clock(from)} to ${clock(from + seconds)} (${place})`;
  }
  function showFacts(box, title, facts) {
    element("h3", title, box);
    const list = element("dl", null, box, { class: "facts" });
    for (const [name, text] of facts) {
      const pair = element("div", null, list, String(text).length > 40 ? { class: "wide" } : {});
      element("dt", name, pair);
      element("dd", text, pair);
    }
  }

  // MARK: Playing

  // Between columns and seconds, in a straight line from mark to mark.
  function between(x, from, to) {
    let low = 0;
    while (low + 2 < from.length && from[low + 1] <= x) low += 1;
    const share = from[low + 1] > from[low] ? (x - from[low]) / (from[low + 1] - from[low]) : 0;
    return to[low] + share * (to[low + 1] - to[low]);
  }
  const secondsAt = (column) => between(column, detail.picture.marks, detail.picture.seconds);
  const columnAt = (second) => between(second, detail.picture.seconds, detail.picture.marks);
  let playing = null;
  async function toggle(from = null) {
    if (playing && from === null) {
      Sound.stop();
      return;
    }
    const shown = detail;
    if (!shown) return;
    const start = from ?? 0;
    const length = shown.picture.seconds[shown.picture.seconds.length - 1];
    const ended = () => {
      if (detail === shown && !shown.isWhole && $("go-on").checked && shown.after) {
        go({ segment: shown.after }, { replace: true });
        resume = true;
      }
    };
    try {
      if (shown.source.kind === "midi") {
        const { notes } = await ask(shown.isWhole ? `/api/notes?source=${shown.source.number}` : `/api/notes?id=${shown.segment}`);
        if (detail !== shown) return;
        const rest = notes.filter((note) => note[0] + note[1] > start && note[0] >= start - 1e-6).map((note) => [note[0] - start, ...note.slice(1)]);
        Sound.notes(rest, length - start, ended);
      } else {
        const first = shown.isWhole ? 0 : shown.start_seconds;
        const end = shown.isWhole ? Infinity : first + shown.length_seconds;
        Sound.file(`/api/sound?source=${shown.source.number}`, first + start, end, ended, async () => {
          const response = await fetch(`/api/sound?source=${shown.source.number}`, { headers: { Range: "bytes=0-0" } }).catch(() => null);
          complain(new Error(response && !response.ok ? (await response.json()).error : "the browser cannot play this file"));
        });
      }
      playing = start;
      follow();
    } catch (error) { complain(error); }
  }
  let resume = false;
  function follow() {
    const [play, head, time, image] = [$("play"), $("playhead"), $("time"), $("picture")];
    if (!play || !detail) {
      playing = null;
      return;
    }
    const at = Sound.time;
    play.textContent = at === null ? "▶ play" : "■ stop";
    play.setAttribute("aria-pressed", String(at !== null));
    head.hidden = at === null;
    if (at === null) {
      playing = null;
      time.textContent = "";
      if (resume && image.complete) {
        resume = false;
        toggle();
      }
      return;
    }
    const second = playing + at;
    const { picture } = detail;
    const share = Math.min(1, columnAt(second) / picture.columns);
    head.style.left = `${100 * (picture.left + share * picture.plot) / picture.width}%`;
    // The second of the music, as the axis below the picture shows it.
    time.textContent = `${((detail.isWhole ? 0 : detail.start_seconds ?? 0) + second).toFixed(1)} s`;
    requestAnimationFrame(follow);
  }

  return { show, toggle, get detail() { return detail; } };
})();
