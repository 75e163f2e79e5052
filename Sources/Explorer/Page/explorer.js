"use strict";
// The explorer's page. The whole view is in the address behind the `#`, so a link shows it again. Text from the dataset
// reaches the page as text only, never as markup.
(() => {
  const { $, element, whole, short, tick, ends, many, pitchName, clock, lengthOf, drawNotes } = page;

  async function ask(address) {
    const response = await fetch(address);
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    $("fault").hidden = true;
    return answer;
  }
  function complain(error) {
    $("fault").textContent = error instanceof TypeError ? "No answer from the explorer. Is `reprise serve` still running?" : error.message;
    $("fault").hidden = false;
  }

  // MARK: State

  let dataset = null;
  let state = new URLSearchParams();
  const listKeys = (key) => ["q", "split", "kind", "sort", "page"].includes(key) || /^(label|min|max)\./.test(key);
  const listQuery = () => new URLSearchParams([...state].filter(([key]) => listKeys(key))).toString();

  // Changes some of the state; null removes a key. A changed filter shows its first page.
  function go(changes, { replace = false } = {}) {
    const next = new URLSearchParams(state);
    for (const [key, value] of Object.entries(changes)) {
      next.delete(key);
      for (const one of Array.isArray(value) ? value : [value]) if (one !== null && one !== "") next.append(key, one);
    }
    if (Object.keys(changes).some((key) => listKeys(key) && key !== "page")) next.delete("page");
    const address = `#${next}`;
    if (address === location.hash || (address === "#" && location.hash === "")) return;
    history[replace ? "replaceState" : "pushState"](null, "", address);
    show();
  }
  async function show() {
    state = new URLSearchParams(location.hash.slice(1));
    const isRuns = state.get("view") === "runs";
    $("segments").hidden = isRuns;
    $("runs").hidden = !isRuns;
    $("to-segments").toggleAttribute("aria-current", !isRuns);
    $("to-runs").toggleAttribute("aria-current", isRuns);
    document.body.classList.toggle("looking", !isRuns && state.has("segment"));
    try {
      if (isRuns) {
        Sound.stop();
        await showRuns();
      } else {
        showFilters();
        await Promise.all([showList(), showDetail()]);
      }
    } catch (error) { complain(error); }
  }

  // MARK: Filters

  function makeFilters() {
    const choice = (name, title, options) => {
      const label = element("label", null, $("selects"));
      element("span", title, label);
      const select = element("select", null, label, { "data-key": name, "aria-label": title });
      element("option", "any", select, { value: "" });
      for (const [value, text] of options) element("option", text, select, { value });
      select.addEventListener("change", () => go({ [name]: select.value }));
    };
    const splits = Object.entries(dataset.splits).filter(([, count]) => count > 0);
    choice("split", "split", splits.map(([name, count]) => [name, `${name} (${whole(count)})`]));
    if (dataset.kinds.length > 1) choice("kind", "kind", dataset.kinds.map((kind) => [kind, kind]));
    for (const [name, values] of Object.entries(dataset.labels)) {
      choice(`label.${name}`, name, values.map(({ value, segments }) => [value, `${value || "(unknown)"} (${whole(segments)})`]).filter(([value]) => value));
    }
    choice("sort", "sort by", dataset.measures.flatMap(({ name, title }) => [[name, `${title} ↑`], [`-${name}`, `${title} ↓`]]));
    $("selects").lastChild.querySelector("option").textContent = "path";
    for (const { name, title } of dataset.measures) {
      const row = element("label", null, $("ranges"));
      element("span", title, row);
      for (const end of ["min", "max"]) {
        const input = element("input", null, row, { type: "number", step: "any", placeholder: end === "min" ? "from" : "to", "data-key": `${end}.${name}`, "aria-label": `${title}, ${end === "min" ? "from" : "to"}` });
        input.addEventListener("change", () => go({ [`${end}.${name}`]: input.value }));
      }
    }
    let timer = 0;
    $("search").addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => go({ q: $("search").value.trim() }, { replace: true }), 150);
    });
    $("filters").addEventListener("submit", (event) => event.preventDefault());
    $("page-back").addEventListener("click", () => turnPage(-1));
    $("page-on").addEventListener("click", () => turnPage(1));
  }
  function showFilters() {
    if (document.activeElement !== $("search")) $("search").value = state.get("q") || "";
    for (const field of document.querySelectorAll("[data-key]")) {
      if (field !== document.activeElement || field.tagName === "SELECT") field.value = state.get(field.dataset.key) || "";
    }
    if ([...state.keys()].some((key) => /^(min|max)\./.test(key))) $("more").open = true;
  }

  // MARK: List

  let listed = null;
  let rows = [];
  let pages = 0;
  async function showList() {
    const query = listQuery();
    if (query !== listed) {
      listed = query;
      const found = await ask(`/api/segments?${query}`);
      if (query !== listed) return;
      rows = found.rows;
      pages = found.pages;
      $("count").textContent = found.segments === 0 ? "No matches" : `${many(found.segments, "segment")} of ${many(found.sources, "source")}`;
      $("page-text").textContent = pages > 1 ? `${whole(found.page + 1)} of ${whole(pages)}` : "";
      $("page-back").disabled = found.page === 0;
      $("page-on").disabled = found.page + 1 >= pages;
      $("pager").hidden = pages <= 1;
      $("list").replaceChildren();
      for (const row of rows) {
        const link = element("a", null, element("li", null, $("list")), { "data-id": row.id });
        const slash = row.path.lastIndexOf("/");
        element("b", row.path.slice(slash + 1), link);
        element("span", ` ${row.segment + 1} of ${whole(row.of)}`, link, { class: "soft" });
        if (row.value !== undefined) element("span", short(row.value), link, { class: "value" });
        const line = element("small", null, link);
        element("span", row.split, line, { class: `tag ${row.split}` });
        for (const value of Object.values(row.labels)) element("span", value, line, { class: "tag" });
        element("span", row.path.slice(0, Math.max(0, slash)).replace(/^(\.\.\/)+/, ""), line, { class: "soft" });
        link.addEventListener("click", (event) => {
          if (event.metaKey || event.ctrlKey) return;
          event.preventDefault();
          go({ segment: row.id, whole: null });
        });
      }
    }
    for (const link of $("list").querySelectorAll("a")) {
      const next = new URLSearchParams(state);
      next.set("segment", link.dataset.id);
      next.delete("whole");
      link.href = `#${next}`;
      const isChosen = link.dataset.id === state.get("segment");
      link.toggleAttribute("aria-current", isChosen);
      if (isChosen) link.scrollIntoView({ block: "nearest" });
    }
  }
  async function step(by) {
    const at = rows.findIndex((row) => row.id === state.get("segment"));
    const next = at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by;
    if (rows[next]) return go({ segment: rows[next].id, whole: null });
    if (!turnPage(by)) return;
    await showList();
    const row = rows[by > 0 ? 0 : rows.length - 1];
    if (row) go({ segment: row.id, whole: null }, { replace: true });
  }
  function turnPage(by) {
    const page = Number(state.get("page") || 0) + by;
    if (page < 0 || page >= pages) return false;
    go({ page: page === 0 ? null : String(page) });
    $("browse").scrollTop = 0;
    return true;
  }

  // MARK: Segment

  let seen = null;
  let detail = null;
  async function showDetail() {
    const [id, isWhole] = [state.get("segment"), state.has("whole")];
    const wanted = id ? `${id} ${isWhole}` : null;
    if (wanted === seen) return;
    seen = wanted;
    Sound.stop();
    if (!id) {
      detail = null;
      $("detail").replaceChildren($("nothing") || element("p", "Click a segment, or press j.", null, { class: "soft", id: "nothing" }));
      document.title = `${dataset.dataset} – explorer`;
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
    document.title = `${name} ${isWhole ? "" : `${detail.number + 1} `}– ${dataset.dataset}`;
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

  // MARK: Runs

  let charts = [];
  const dark = matchMedia("(prefers-color-scheme: dark)");
  async function showRuns() {
    const box = $("runs");
    const { runs } = await ask("/api/runs");
    const name = state.get("run");
    for (const chart of charts) chart.destroy();
    charts = [];
    box.replaceChildren();
    document.title = `${name || "runs"} – ${dataset.dataset}`;
    if (runs.length === 0) return element("p", "No runs yet. Start one with: reprise train RECIPE --dataset DATASET", box, { class: "soft" });
    const table = element("table", null, element("div", null, box, { class: "scroll" }));
    const head = element("tr", null, element("thead", null, table));
    for (const title of ["run", "dataset", "snapshot", "epochs", "steps", "best"]) element("th", title, head, { scope: "col" });
    const body = element("tbody", null, table);
    for (const run of runs) {
      const row = element("tr", null, body);
      element("a", run.run, element("td", null, row), { href: `#view=runs&run=${encodeURIComponent(run.run)}`, ...(run.run === name ? { "aria-current": "" } : {}) });
      const isThis = run.snapshot === dataset.snapshot;
      for (const text of [run.dataset, run.snapshot.slice(0, 12) + (isThis ? " (this one)" : ""), whole(run.epochs), whole(run.steps), run.best ? `${run.best.metric} ${short(run.best.value)}` : ""]) element("td", text, row);
    }
    if (!name) return undefined;
    const { curves, transfers } = await ask(`/api/run?name=${encodeURIComponent(name)}`);
    element("h2", name, box);
    if (curves.length === 0) element("p", "This run has no metrics yet.", box, { class: "soft" });
    const grid = element("div", null, box, { class: "charts" });
    for (const metric of new Set(curves.map((curve) => curve.name))) drawCurves(grid, metric, curves.filter((curve) => curve.name === metric));
    if (transfers.length > 0) element("h2", "Transfers", box);
    for (const transfer of transfers) drawTransfer(box, name, transfer);
    return undefined;
  }
  function drawCurves(parent, metric, curves) {
    const style = getComputedStyle(document.documentElement);
    const [soft, line] = [style.getPropertyValue("--soft"), style.getPropertyValue("--line")];
    const box = element("div", null, parent, { class: "chart" });
    element("h3", metric.replaceAll("_", " "), box);
    const canvas = element("canvas", null, element("div", null, box), { role: "img", "aria-label": `${metric} over steps` });
    const colours = dark.matches ? { train: "#7ea0ec", validation: "#f2a265" } : { train: "#3b528b", validation: "#e07b39" };
    const axis = (title) => ({ ticks: { color: soft, callback: tick }, grid: { color: line }, title: { display: true, text: title, color: soft } });
    charts.push(new Chart(canvas, {
      type: "line",
      data: {
        datasets: curves.map((curve) => ({
          label: curve.split, data: curve.steps.map((x, index) => ({ x, y: curve.values[index] })), borderColor: colours[curve.split] || soft,
          backgroundColor: colours[curve.split] || soft, borderWidth: 1.6, pointRadius: curve.steps.length < 40 ? 2 : 0,
        })),
      },
      options: {
        animation: false, responsive: true, maintainAspectRatio: false, interaction: { mode: "nearest", intersect: false },
        plugins: {
          legend: { labels: { color: soft, boxWidth: 12 } },
          tooltip: { callbacks: { title: (items) => `step ${whole(items[0].parsed.x)}`, label: (item) => `${item.dataset.label}: ${short(item.parsed.y)}` } },
        },
        scales: { x: { type: "linear", ...axis("step") }, y: { ...axis(metric.replaceAll("_", " ")), ...ends(curves.flatMap((curve) => curve.values)) } },
      },
    }));
  }
  function drawTransfer(parent, run, transfer) {
    const box = element("section", null, parent, { class: "transfer" });
    element("h3", `${transfer.number}. ${transfer.content}${transfer.content_style ? ` (${transfer.content_style})` : ""}${transfer.style ? ` → ${transfer.style}` : ""}`, box);
    const measures = Object.entries(transfer.measures).map(([name, value]) => `${name.replaceAll("_", " ")} ${short(value)}`);
    if (measures.length > 0) element("p", measures.join(" · "), box, { class: "soft" });
    const parts = element("div", null, box, { class: "parts" });
    for (const part of ["content", "style", "out"].filter((name) => transfer.parts[name])) {
      const address = `/api/transfer?name=${encodeURIComponent(run)}&number=${transfer.number}&part=${part}`;
      const cell = element("figure", null, parts);
      element("figcaption", part === "out" ? "output" : part, cell);
      if (transfer.parts[part] === "audio") {
        element("audio", null, cell, { controls: "", preload: "none", src: address });
        continue;
      }
      const button = element("button", "▶ play", cell, { type: "button" });
      const canvas = element("canvas", null, cell, { width: 480, height: 160, role: "img", "aria-label": `notes of the ${part}` });
      const notes = ask(address).then((answer) => answer.notes);
      notes.then((found) => drawNotes(canvas, found)).catch(complain);
      button.addEventListener("click", async () => {
        const isOn = button.textContent !== "▶ play";
        Sound.stop();
        for (const other of document.querySelectorAll(".transfer button")) other.textContent = "▶ play";
        if (isOn) return;
        const found = await notes;
        button.textContent = "■ stop";
        Sound.notes(found, lengthOf(found), () => { button.textContent = "▶ play"; });
      });
    }
  }

  // MARK: Keys

  addEventListener("keydown", (event) => {
    const isTyping = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "checkbox";
    if (event.key === "Escape") {
      if ($("help").open) return;
      if (isTyping) event.target.blur();
      else if (state.has("segment")) go({ segment: null, whole: null });
      return;
    }
    if (isTyping || event.metaKey || event.ctrlKey || event.altKey || $("help").open) return;
    const isSegments = state.get("view") !== "runs";
    const keys = {
      "?": () => $("help").showModal(),
      ...(isSegments ? {
        j: () => step(1), k: () => step(-1), ArrowDown: () => step(1), ArrowUp: () => step(-1),
        ArrowLeft: () => detail?.before && go({ segment: detail.before, whole: null }),
        ArrowRight: () => detail?.after && go({ segment: detail.after, whole: null }),
        n: () => turnPage(1), p: () => turnPage(-1),
        w: () => detail && go({ whole: detail.isWhole ? null : "1" }),
        "/": () => $("search").focus(), " ": () => toggle(),
      } : {}),
    };
    const isPressing = event.key === " " && event.target.tagName === "BUTTON" && event.target.id !== "play";
    if (!keys[event.key] || isPressing) return;
    event.preventDefault();
    Promise.resolve(keys[event.key]()).catch(complain);
  });
  $("help-button").addEventListener("click", () => $("help").showModal());
  $("to-segments").addEventListener("click", (event) => {
    event.preventDefault();
    go({ view: null, run: null });
  });
  addEventListener("popstate", show);
  dark.addEventListener("change", show);

  ask("/api/dataset").then((answer) => {
    dataset = answer;
    $("name").textContent = dataset.dataset;
    $("name").title = `snapshot ${dataset.snapshot}`;
    makeFilters();
    return show();
  }).catch(complain);
})();
