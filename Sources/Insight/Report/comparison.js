"use strict";
// The page of `reprise compare --html`: draws the measures, and plays the files beside it. Text reaches the page as text
// only, never as markup.
(() => {
  const data = JSON.parse(document.getElementById("comparison").textContent);
  const { $, element, short, clock, lengthOf } = page;

  document.title = data.title;
  $("title").textContent = data.title;
  for (const fact of data.facts) element("p", fact, $("facts"));
  for (const note of data.notes) element("p", note, $("notes"), { class: "soft" });

  function table(parent, header, rows) {
    const body = page.table(element("div", null, parent, { class: "scroll" }), header);
    for (const row of rows) {
      const line = element("tr", null, body, row.baseline ? { class: "baseline" } : {});
      element("th", row.name, line, { scope: "row" });
      for (const cell of row.cells) element("td", cell?.text ?? "–", line);
    }
  }
  if (data.verdicts.length > 0) {
    table($("verdicts"), ["system", "verdict"], data.verdicts.map(([name, verdict]) => ({ name, cells: [{ text: verdict }] })));
  }

  // A measure as a dot and its interval as a line, all rows on one axis.
  const drawing = (name, parent, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    parent.append(made);
    return made;
  };
  function dots(parent, title, rows) {
    const known = rows.filter((row) => row.cell);
    if (known.length === 0) return;
    const values = known.flatMap(({ cell }) => [cell.value, ...(cell.interval ?? [])]);
    const low = Math.min(0, ...values);
    const most = Math.max(...values);
    const high = low === 0 && most > 0.2 && most <= 1 ? 1 : most > low ? most : low + 1;
    const place = (value) => `${100 * (value - low) / (high - low)}%`;
    const box = element("div", null, parent, { class: "chart" });
    element("h3", title, box);
    for (const { name, baseline, cell } of known) {
      const line = element("div", null, box, { class: baseline ? "dot baseline" : "dot" });
      element("span", name.split("/").pop() || name, line, { title: name });
      const picture = drawing("svg", line, { role: "img", "aria-label": `${name}: ${cell.text}` });
      drawing("title", picture, {}).textContent = `${name}: ${cell.text}`;
      drawing("line", picture, { class: "axis", x1: "0%", x2: "100%", y1: "50%", y2: "50%" });
      if (cell.interval) {
        drawing("line", picture, { class: "interval", x1: place(cell.interval[0]), x2: place(cell.interval[1]), y1: "50%", y2: "50%" });
      }
      drawing("circle", picture, { cx: place(cell.value), cy: "50%", r: 5 });
    }
    const axis = element("div", null, box, { class: "dot" });
    element("span", "", axis);
    const ends = element("div", null, axis, { class: "ends" });
    element("span", short(low), ends);
    element("span", short(high), ends);
  }
  for (const group of data.tables) {
    element("h3", group.name, $("tables"));
    table($("tables"), ["", ...group.columns], group.rows);
    const charts = element("div", null, $("tables"), { class: "charts measures" });
    group.columns.forEach((title, column) => dots(charts, title, group.rows.map((row) => ({ ...row, cell: row.cells[column] }))));
  }

  $("failed").hidden = data.failures.length === 0;
  for (const [piece, reason] of data.failures) {
    const item = element("li", null, $("failures"));
    element("b", piece, item);
    item.append(`: ${reason}`);
  }

  // One player at a time: notes by the synthesiser, recordings by the browser.
  const silence = (except = null) => {
    Sound.stop();
    for (const audio of document.querySelectorAll("audio")) if (audio !== except) audio.pause();
  };
  document.addEventListener("play", (event) => silence(event.target), true);
  addEventListener("keydown", (event) => { if (event.key === "Escape") silence(); });

  for (const piece of data.pieces) {
    const box = element("div", null, $("pieces"), { class: "piece" });
    element("h3", piece.name, box);
    const versions = element("div", null, box, { class: "versions" });
    // One axis of time, so that a place in all pictures is the same time, and all scroll and zoom together; another piece
    // has a time of its own.
    const axisOf = (shown) => new Roll.Axis(Math.max(1, ...shown.map((version) => lengthOf(version.music?.notes ?? []))));
    const common = axisOf(piece.versions.filter((version) => !version.another_piece));
    for (const version of piece.versions) {
      const card = element("div", null, versions, { class: "version" });
      element("h4", version.name, card);
      const label = `${version.name} of ${piece.name}`;
      const controls = element("div", null, null, { class: "controls" });
      if (version.music) {
        const button = element("button", "▶ play", controls, { type: "button", "aria-label": `play ${label}` });
        const length = lengthOf(version.music.notes);
        const time = element("span", clock(length), controls, { class: "soft" });
        const follow = (second) => {
          const isOn = second !== null;
          if (isOn && button.textContent === "▶ play") for (const audio of document.querySelectorAll("audio")) audio.pause();
          button.textContent = isOn ? "■ stop" : "▶ play";
          time.textContent = isOn ? `${second.toFixed(1)} s` : clock(length);
        };
        const axis = version.another_piece ? axisOf([version]) : common;
        const roll = new Roll(card, { name: label, length, music: version.music, axis, height: 150, follow });
        button.addEventListener("click", () => roll.toggle());
      } else {
        if (version.picture) element("img", null, card, { src: version.picture, loading: "lazy", alt: `mel spectrogram: ${label}` });
        element("audio", null, controls, { controls: "", preload: "none", src: version.file, "aria-label": label });
      }
      if (version.file) element("a", "file", controls, { href: version.file, "aria-label": `file: ${label}` });
      card.append(controls);
      // Below the picture, so that those of a row are at one height.
      if (version.baseline) element("p", version.baseline, card, { class: "baseline" });
      if (version.measures.length > 0) {
        const list = element("details", null, card);
        element("summary", "measures", list);
        const measures = element("dl", null, list);
        for (const [name, value] of version.measures) {
          element("dt", name, measures);
          element("dd", value, measures);
        }
      }
    }
  }
})();
