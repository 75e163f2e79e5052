"use strict";
// The cache's runs: their curves and their transfers.
const runsView = (() => {
  const { $, element, whole, short, tick, ends, lengthOf, drawNotes } = page;
  const { ask, complain } = explorer;

  let charts = [];
  const dark = matchMedia("(prefers-color-scheme: dark)");
  async function show() {
    const box = $("runs");
    const { runs } = await ask("/api/runs");
    const name = explorer.state.get("run");
    for (const chart of charts) chart.destroy();
    charts = [];
    box.replaceChildren();
    document.title = `${name || "runs"} – ${explorer.dataset.dataset}`;
    if (runs.length === 0) return element("p", "No runs yet. Start one with: reprise train RECIPE --dataset DATASET", box, { class: "soft" });
    const table = element("table", null, element("div", null, box, { class: "scroll" }));
    const head = element("tr", null, element("thead", null, table));
    for (const title of ["run", "dataset", "snapshot", "epochs", "steps", "best"]) element("th", title, head, { scope: "col" });
    const body = element("tbody", null, table);
    for (const run of runs) {
      const row = element("tr", null, body);
      element("a", run.run, element("td", null, row), { href: `#view=runs&run=${encodeURIComponent(run.run)}`, ...(run.run === name ? { "aria-current": "" } : {}) });
      const isThis = run.snapshot === explorer.dataset.snapshot;
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
  dark.addEventListener("change", explorer.show);

  return { show };
})();
