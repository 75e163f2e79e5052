"use strict";
// One segment, or its whole source: its roll, its sound and its numbers.
const segmentView = (() => {
  const { $, element, whole, short, pitchName, clock } = page;
  const { ask, askRoll, complainOfSound, drawFacts, go } = explorer;

  let seen = null;
  let detail = null;
  let roll = null;
  let goesOn = false;
  // The segment that is to be played once it is shown.
  let resume = null;
  async function show() {
    const [id, isWhole] = [explorer.state.get("segment"), explorer.state.has("whole")];
    const wanted = id ? `${id} ${isWhole}` : null;
    if (wanted === seen) return;
    seen = wanted;
    Sound.stop();
    if (!id) {
      clear();
      $("detail").replaceChildren($("nothing") || element("p", "Click a segment, or press j.", null, { class: "soft", id: "nothing" }));
      document.title = `${explorer.dataset.dataset} – explorer`;
      return;
    }
    const segment = await ask(`/api/segment?id=${id}`);
    const query = isWhole ? `source=${segment.source.number}` : `id=${id}`;
    const content = await askRoll(segment.kind, query);
    if (wanted !== seen) return;
    clear();
    detail = { ...segment, isWhole };
    drawDetail(content, query);
  }
  function clear() {
    roll?.remove();
    [roll, detail] = [null, null];
  }
  function drawDetail(content, query) {
    const { source, isWhole } = detail;
    const box = $("detail");
    box.replaceChildren();
    box.scrollTop = 0;
    const slash = source.path.lastIndexOf("/");
    const name = source.path.slice(slash + 1);
    document.title = `${name} ${isWhole ? "" : `${detail.number + 1} `}– ${explorer.dataset.dataset}`;
    const head = element("div", null, box, { class: "head" });
    element("button", "← list", head, { type: "button", id: "to-list" }).addEventListener("click", () => go({ segment: null, whole: null }));
    const title = element("h2", null, head);
    element("bdi", name, title);
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
    const isGoing = element("input", null, goOn, { type: "checkbox", id: "go-on" });
    isGoing.checked = goesOn;
    isGoing.addEventListener("change", () => { goesOn = isGoing.checked; });
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
    element("a", "PNG", controls, { href: `/api/picture?${query}`, target: "_blank", "aria-label": "rolls or features as a picture" });
    drawRoll(box, name, content);
    notesView.show(box, detail.segment);
    changesView.show(box, source.number);
    if (!isWhole) {
      element("h3", "This segment", box);
      drawFacts(box, [
        ["segment", detail.segment], ["position", position(detail)],
        ...detail.measures.map(({ name: kind, title, value }) => [title, kind.endsWith("_pitch") ? `${pitchName(value)} (${value})` : short(value)]),
      ]);
    }
    const { count, paths } = source.same_piece;
    element("h3", isWhole ? "This source" : "Its whole source", box);
    drawFacts(box, [
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

  // MARK: Roll

  function drawRoll(box, name, { music, features, length }) {
    const { source, isWhole, kind } = detail;
    const [play, time] = [$("play"), $("time")];
    const offset = isWhole && kind !== "paired" ? 0 : detail.start_seconds ?? 0;
    const recording = kind === "audio" ? source.number : source.recording;
    const address = `/api/sound?source=${recording}`;
    if (isWhole && kind === "midi" && music.notes.length === 0) element("p", "No notes: the source's file has been moved or changed since the dataset was built.", box);
    roll = new Roll(box, {
      name: isWhole ? name : `${name}, segment ${detail.number + 1}`, length: isWhole ? length : detail.length_seconds, offset, music, features,
      sound: kind === "midi" || recording === null ? null : { address, start: offset },
      follow: (second) => {
        play.textContent = second === null ? "▶ play" : "■ stop";
        play.setAttribute("aria-pressed", String(second !== null));
        time.textContent = second === null ? "" : `${(offset + second).toFixed(1)} s`;
      },
      ended: playNext,
      fault: () => complainOfSound(address),
    });
    if (resume === detail.segment) roll.play();
    resume = null;
  }
  function playNext() {
    if (!detail || detail.isWhole || !goesOn || !detail.after) return;
    resume = detail.after;
    go({ segment: detail.after }, { replace: true });
  }
  const toggle = () => roll?.toggle();

  return { show, toggle, get detail() { return detail; } };
})();
