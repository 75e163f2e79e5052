"use strict";
// The cache's runs: their settings and curves beside each other, their evaluations and their transfers.
const runsView = (() => {
  const { $, element, whole, short, many, tick, ends, lengthOf } = page;
  const { ask, complain, complainOfSound, drawTable, dateText, go } = explorer;

  const dark = matchMedia("(prefers-color-scheme: dark)");
  const palette = () => (dark.matches
    ? ["#7ea0ec", "#f2a265", "#6fcf97", "#e88bb5", "#b79cf2", "#e6d16a", "#63c7d8", "#d0d0dc"]
    : ["#3b528b", "#c2571a", "#1f8a50", "#b0306f", "#6a3fb5", "#8a7300", "#127a8c", "#555560"]);
  let charts = [];
  let rolls = [];
  let timer = 0;
  // Runs that the legend hides.
  const hidden = new Set();
  const chosen = () => explorer.state.getAll("run");
  const best = (run) => (run.best ? `${run.best.metric} ${short(run.best.value)}` : "");

  async function show() {
    clearTimeout(timer);
    const { runs } = await ask("/api/runs");
    const names = chosen().filter((name) => runs.some((run) => run.run === name));
    const [details, evaluations] = await Promise.all([
      Promise.all(names.map((name) => ask(`/api/run?name=${encodeURIComponent(name)}`))),
      Promise.all(names.map((name) => ask(`/api/evaluations?name=${encodeURIComponent(name)}`))),
    ]);
    if (explorer.state.get("view") !== "runs") return;
    const box = $("runs");
    const focused = box.contains(document.activeElement) ? document.activeElement.id : "";
    const top = box.scrollTop;
    for (const chart of charts) chart.destroy();
    for (const roll of rolls) roll.remove();
    [charts, rolls] = [[], []];
    box.replaceChildren();
    document.title = `${names.join(", ") || "runs"} – ${explorer.dataset.dataset}`;
    if (runs.length === 0) {
      element("p", "No runs yet. Start one with: reprise train RECIPE --dataset DATASET", box, { class: "soft" });
      return;
    }
    drawRuns(box, runs, names);
    if (names.length === 0) {
      element("p", "Choose runs to see their curves; several are drawn in one chart.", box, { class: "soft" });
      return;
    }
    drawSettings(box, details.map((detail) => detail.run));
    drawCurves(box, details);
    names.forEach((name, index) => drawEvaluations(box, name, evaluations[index].evaluations));
    for (const { run, transfers } of details) drawTransfers(box, run.run, transfers);
    if (focused) $(focused)?.focus();
    box.scrollTop = top;
    if (details.some((detail) => detail.run.state === "running")) timer = setTimeout(follow, 3000);
  }
  // While a run trains: its new steps, without drawing anything else again.
  async function follow() {
    const names = chosen();
    try {
      const details = await Promise.all(names.map((name) => ask(`/api/run?name=${encodeURIComponent(name)}`)));
      if (explorer.state.get("view") !== "runs" || chosen().join("\n") !== names.join("\n")) return;
      const isNew = details.some(({ run, curves }) => run.state !== "running" && $("runs").querySelector(`[data-state="${CSS.escape(run.run)}"]`)?.textContent === "running"
        || curves.some((curve) => !charts.some((chart) => chart.metric === curve.name)));
      if (isNew) return void show().catch(complain);
      for (const { run } of details) {
        for (const [key, text] of [["state", run.state], ["epochs", whole(run.epochs)], ["steps", whole(run.steps)], ["best", best(run)], ["updated", dateText(run.updated)]]) {
          const cell = $("runs").querySelector(`[data-${key}="${CSS.escape(run.run)}"]`);
          if (cell) cell.textContent = text;
        }
      }
      for (const chart of charts) fill(chart, details);
      if (details.some((detail) => detail.run.state === "running")) timer = setTimeout(follow, 3000);
    } catch (error) {
      complain(error);
      timer = setTimeout(follow, 10000);
    }
  }

  // MARK: Tables

  function drawRuns(box, runs, names) {
    const body = drawTable(box, ["show", "run", "state", "dataset", "snapshot", "seed", "epochs", "steps", "best", "last saved"], "runs");
    for (const run of runs) {
      const row = element("tr", null, body);
      const isChosen = names.includes(run.run);
      const check = element("input", null, element("td", null, row), { type: "checkbox", "aria-label": `show ${run.run}`, id: `show-${run.run}` });
      check.checked = isChosen;
      check.addEventListener("change", () => go({ run: check.checked ? [...chosen(), run.run] : chosen().filter((name) => name !== run.run) }));
      element("a", run.run, element("td", null, row), { href: `#view=runs&run=${encodeURIComponent(run.run)}`, ...(isChosen ? { "aria-current": "" } : {}) });
      const state = element("td", null, row);
      element("span", run.state, state, { class: `tag state ${run.state}`, "data-state": run.run, title: { running: "a process trains it", finished: "all epochs are done, or patience ended", stopped: "stopped; it can be resumed", failed: "ended without saving its last steps" }[run.state] });
      element("td", run.dataset, row);
      element("td", run.snapshot.slice(0, 12) + (run.snapshot === explorer.dataset.snapshot ? " (this one)" : ""), row);
      element("td", run.seed === null ? "" : String(run.seed), row);
      for (const [key, text] of [["epochs", whole(run.epochs)], ["steps", whole(run.steps)], ["best", best(run)], ["updated", dateText(run.updated)]]) element("td", text, row, { [`data-${key}`]: run.run });
    }
    const first = body.querySelector("[aria-current]");
    if (first) body.closest(".table-box").scrollTop = first.offsetTop - 80;
  }
  const settingText = (value) => (value === undefined ? "–" : value === "" ? "(empty)" : typeof value === "string" ? value : JSON.stringify(value));
  function drawSettings(box, runs) {
    const names = [...new Set(runs.flatMap((run) => Object.keys(run.parameters)))].sort();
    const differs = (name) => new Set(runs.map((run) => settingText(run.parameters[name]))).size > 1;
    const different = names.filter(differs);
    const details = element("details", null, box, different.length > 0 ? { open: "" } : {});
    element("summary", runs.length > 1 ? `Settings: ${different.length === 0 ? "all the same" : `${different.length} of ${names.length} differ`}` : `Settings of ${runs[0].run}`, details);
    const body = drawTable(details, ["setting", ...runs.map((run) => run.run)], "settings");
    for (const name of [...different, ...names.filter((name) => !differs(name))]) {
      const row = element("tr", null, body, differs(name) ? { class: "differs" } : {});
      element("th", differs(name) ? `${name} ≠` : name, row, { scope: "row", ...(differs(name) ? { "aria-label": `${name}, differs` } : {}) });
      for (const run of runs) element("td", settingText(run.parameters[name]), row);
    }
  }

  // MARK: Curves

  function drawCurves(box, details) {
    element("h2", "Curves", box);
    if (details.every((detail) => detail.curves.length === 0)) {
      element("p", "No metrics yet.", box, { class: "soft" });
      return;
    }
    const controls = element("div", null, box, { class: "controls" });
    const smooth = element("label", "smoothing ", controls);
    const slider = element("input", null, smooth, { type: "range", min: "0", max: "0.99", step: "0.01", id: "smooth", "aria-label": "smoothing" });
    slider.value = explorer.state.get("smooth") || "0";
    const shown = element("output", slider.value, smooth);
    slider.addEventListener("input", () => {
      shown.textContent = slider.value;
      for (const chart of charts) fill(chart, chart.details);
    });
    slider.addEventListener("change", () => {
      const next = new URLSearchParams(explorer.state);
      next.set("smooth", slider.value);
      // Nothing else changes, so nothing else is drawn again.
      explorer.state.set("smooth", slider.value);
      history.replaceState(null, "", `#${next}`);
    });
    const axis = element("label", "by ", controls);
    const select = element("select", null, axis, { id: "axis", "aria-label": "horizontal axis" });
    for (const [value, text] of [["", "step"], ["time", "time"]]) element("option", text, select, { value });
    select.value = explorer.state.get("x") || "";
    select.disabled = details.every((detail) => detail.curves.every((curve) => curve.seconds.length === 0));
    select.addEventListener("change", () => go({ x: select.value }));
    const legend = element("div", null, controls, { class: "legend", role: "group", "aria-label": "runs in the charts" });
    details.forEach(({ run }, index) => {
      const button = element("button", null, legend, { type: "button", "aria-pressed": String(!hidden.has(run.run)), id: `legend-${run.run}` });
      // A swatch that needs no inline style, which the page's policy forbids in markup.
      element("span", "", button, { class: "swatch" }).style.background = palette()[index % 8];
      button.append(` ${run.run}`);
      button.addEventListener("click", () => {
        if (!hidden.delete(run.run)) hidden.add(run.run);
        button.setAttribute("aria-pressed", String(!hidden.has(run.run)));
        for (const chart of charts) fill(chart, chart.details);
      });
    });
    const grid = element("div", null, box, { class: "charts" });
    const metrics = [...new Set(details.flatMap((detail) => detail.curves.map((curve) => curve.name)))];
    for (const metric of metrics) drawChart(grid, metric, details);
  }
  function drawChart(parent, metric, details) {
    const style = getComputedStyle(document.documentElement);
    const [soft, line] = [style.getPropertyValue("--soft"), style.getPropertyValue("--line")];
    const title = metric.replaceAll("_", " ");
    const byTime = explorer.state.get("x") === "time";
    const box = element("div", null, parent, { class: "chart" });
    element("h3", title, box);
    const splits = new Set(details.flatMap(({ curves }) => curves.filter((curve) => curve.name === metric).map((curve) => curve.split)));
    if (splits.size > 1) element("p", "line: train · dashes: validation", box, { class: "soft key" });
    const canvas = element("canvas", null, element("div", null, box), { role: "img", "aria-label": `${title} of ${many(details.length, "run")} by ${byTime ? "time" : "step"}` });
    const axis = (text) => ({ ticks: { color: soft, callback: tick }, grid: { color: line }, title: { display: true, text, color: soft } });
    const chart = new Chart(canvas, {
      type: "line",
      data: { datasets: [] },
      options: {
        animation: false, responsive: true, maintainAspectRatio: false, interaction: { mode: "nearest", intersect: false },
        plugins: {
          legend: { display: false },
          tooltip: { callbacks: { title: (items) => (byTime ? `${short(items[0].parsed.x)} min` : `step ${whole(items[0].parsed.x)}`), label: (item) => `${item.dataset.label}: ${short(item.parsed.y)}` } },
        },
        scales: { x: { type: "linear", ...axis(byTime ? "minutes" : "step") }, y: axis(title) },
      },
    });
    chart.metric = metric;
    charts.push(chart);
    fill(chart, details);
  }
  // An exponential moving average, corrected for its beginning at nothing.
  function smoothed(values, weight) {
    let [sum, share] = [0, 0];
    return values.map((value) => {
      sum = weight * sum + (1 - weight) * value;
      share = weight * share + (1 - weight);
      return sum / share;
    });
  }
  function fill(chart, details) {
    chart.details = details;
    const weight = Number($("smooth")?.value || 0);
    const byTime = explorer.state.get("x") === "time";
    const values = [];
    chart.data.datasets = details.flatMap(({ run, curves }, index) => curves.filter((curve) => curve.name === chart.metric && (!byTime || curve.seconds.length > 0)).flatMap((curve) => {
      const x = byTime ? curve.seconds.map((second) => second / 60) : curve.steps;
      const colour = palette()[index % 8];
      const isTrain = curve.split === "train";
      const made = (y, extra) => ({
        label: `${run.run} ${curve.split}`, data: x.map((at, place) => ({ x: at, y: y[place] })), hidden: hidden.has(run.run),
        borderColor: colour, backgroundColor: colour, borderWidth: 1.6, borderDash: isTrain ? [] : [5, 3], pointRadius: x.length < 40 ? 2 : 0, ...extra,
      });
      if (!hidden.has(run.run)) values.push(...curve.values);
      if (weight === 0 || x.length < 3) return [made(curve.values, {})];
      return [made(smoothed(curve.values, weight), {}), made(curve.values, { label: `${run.run} ${curve.split}, as measured`, borderColor: `${colour}44`, backgroundColor: `${colour}44`, borderWidth: 1, pointRadius: 0 })];
    }));
    const limits = values.length > 0 ? ends(values) : {};
    Object.assign(chart.options.scales.y, { suggestedMin: limits.suggestedMin, suggestedMax: limits.suggestedMax });
    chart.update("none");
  }

  // MARK: Evaluations

  function drawEvaluations(box, run, evaluations) {
    for (const { evaluation, is_current: isCurrent } of evaluations) {
      element("h2", `${run}: ${evaluation.split} split${evaluation.objective ? `, best ${evaluation.objective.replaceAll("_", " ")}` : ""}`, box);
      const parts = [`evaluated ${dateText(evaluation.evaluated ?? null)}`, evaluation.examples === undefined ? "" : many(evaluation.examples, "example")];
      element("p", parts.filter(Boolean).join(" · ") + (isCurrent ? "" : " · out of date: the run was trained further"), box, { class: isCurrent ? "soft" : "warn" });
      const baselines = Object.entries(evaluation.baselines || {});
      const body = drawTable(box, ["measure", run, ...baselines.map(([name]) => name)], `evaluation of ${run} on the ${evaluation.split} split`);
      for (const [name, value] of Object.entries(evaluation.metrics)) {
        const row = element("tr", null, body);
        element("th", name.replaceAll("_", " "), row, { scope: "row" });
        element("td", short(value), row);
        for (const [, values] of baselines) element("td", name in values ? short(values[name]) : "", row);
      }
      if (evaluation.confusion) drawConfusion(box, evaluation.confusion);
    }
  }
  function drawConfusion(box, { label, classes, counts }) {
    element("h3", `Confusion by ${label}: a row is the true class, a column the predicted one`, box);
    const body = drawTable(box, ["", ...classes], "confusion matrix");
    counts.forEach((row, index) => {
      const line = element("tr", null, body);
      element("th", classes[index], line, { scope: "row" });
      const sum = row.reduce((total, count) => total + count, 0);
      row.forEach((count, column) => {
        const share = sum > 0 ? count / sum : 0;
        const cell = element("td", whole(count), line, { class: column === index ? "matrix right" : "matrix", title: `${(100 * share).toFixed(1)} % of ${classes[index]}` });
        cell.style.setProperty("--share", `${Math.round(100 * share)}%`);
      });
    });
  }

  // MARK: Transfers

  function drawTransfers(box, run, transfers) {
    if (transfers.length === 0) return;
    element("h2", `${run}: ${many(transfers.length, "transfer")}`, box);
    const place = element("div", null, box);
    let next = 0;
    const more = element("button", "", box, { type: "button" });
    const draw = () => {
      for (const transfer of transfers.slice(next, next + 5)) drawTransfer(place, run, transfer);
      next += 5;
      more.hidden = next >= transfers.length;
      more.textContent = `${many(Math.max(0, transfers.length - next), "more transfer")}`;
    };
    more.addEventListener("click", draw);
    draw();
  }
  // Content, result and style as A, B and C of one player: another part resumes at the same second.
  function drawTransfer(parent, run, transfer) {
    const box = element("section", null, parent, { class: "transfer" });
    element("h3", `${transfer.number}. ${transfer.content}${transfer.content_style ? ` (${transfer.content_style})` : ""}${transfer.style ? ` → ${transfer.style}` : ""}`, box);
    const measures = Object.entries(transfer.measures).map(([name, value]) => `${name.replaceAll("_", " ")} ${short(value)}`);
    if (measures.length > 0) element("p", measures.join(" · "), box, { class: "soft" });
    const controls = element("div", null, box, { class: "controls" });
    const play = element("button", "▶ play", controls, { type: "button", "data-play": "", "aria-pressed": "false" });
    const choice = element("div", null, controls, { class: "choice", role: "group", "aria-label": "what is heard" });
    const time = element("span", "", controls, { class: "soft" });
    const follow = (part, second) => {
      // A click on another part's roll plays that part.
      if (part !== current && second === null) return;
      if (part !== current) {
        current = part;
        mark();
      }
      play.textContent = second === null ? "▶ play" : "■ stop";
      play.setAttribute("aria-pressed", String(second !== null));
      time.textContent = second === null ? "" : `${part.title}, ${second.toFixed(1)} s`;
    };
    const parts = [["content", "A content"], ["out", "B result"], ["style", "C style"]].filter(([name]) => transfer.parts[name]).map(([name, title]) => {
      const address = `/api/transfer?name=${encodeURIComponent(run)}&number=${transfer.number}&part=${name}`;
      const figure = element("figure", null, box);
      element("figcaption", title, figure);
      const part = { title, figure, button: element("button", title, choice, { type: "button", "aria-pressed": "false" }) };
      part.button.addEventListener("click", () => choose(part));
      if (transfer.parts[name] === "midi") part.music = ask(address);
      else useAudio(part, element("audio", null, figure, { controls: "", preload: "none", src: address }), follow);
      return part;
    });
    let current = parts[0];
    const mark = () => parts.forEach((part) => part.button.setAttribute("aria-pressed", String(part === current)));
    mark();
    // One axis of time, so that all scroll and zoom together.
    Promise.all(parts.map((part) => part.music)).then((all) => {
      const axis = new Roll.Axis(Math.max(1, ...all.filter(Boolean).map((music) => lengthOf(music.notes))));
      parts.forEach((part, index) => {
        const music = all[index];
        if (!music) return;
        const roll = new Roll(part.figure, { name: part.title, length: lengthOf(music.notes), music, axis, height: 130, follow: (second) => follow(part, second) });
        rolls.push(roll);
        Object.assign(part, { play: (at) => roll.play(at), stop: () => roll.stop(), heard: () => roll.heard });
      });
    }).catch(complain);
    function choose(part) {
      const at = current.heard?.() ?? null;
      if (at !== null) current.stop();
      current = part;
      mark();
      if (at !== null) part.play?.(at);
    }
    play.addEventListener("click", () => {
      if ((current?.heard?.() ?? null) !== null) current.stop();
      else current?.play?.(0);
    });
  }
  // A sound that is controlled as a roll is.
  function useAudio(part, audio, follow) {
    audio.addEventListener("play", () => Sound.stop());
    for (const name of ["timeupdate", "play", "pause", "ended"]) audio.addEventListener(name, () => follow(part, audio.paused ? null : audio.currentTime));
    Object.assign(part, {
      play(at) {
        audio.currentTime = at;
        audio.play().catch(() => complainOfSound(audio.src));
      },
      stop: () => audio.pause(), heard: () => (audio.paused ? null : audio.currentTime),
    });
  }
  dark.addEventListener("change", explorer.show);
  $("to-runs").addEventListener("click", () => hidden.clear());

  return { show };
})();
