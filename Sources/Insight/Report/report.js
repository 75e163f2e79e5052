"use strict";
// The page of `reprise stats --html`: reads the object of `stats --json` and draws it. Text from the dataset reaches
// the page as text only, never as markup.
(() => {
  const data = JSON.parse(document.getElementById("statistics").textContent);
  const { $, element, whole, short, tick, many, pitchName } = page;
  const clock = (hours) => page.clock(Math.round(hours * 3600));

  // Tables: a click on a header sorts, a second one reverses the order.
  function table(parent, header, rows) {
    const box = element("div", null, parent, { class: "scroll" });
    const made = element("table", null, box);
    const head = element("tr", null, element("thead", null, made));
    const body = element("tbody", null, made);
    const fill = () => {
      body.replaceChildren();
      for (const row of rows) {
        const line = element("tr", null, body);
        for (const cell of row) element("td", cell.text ?? cell, line);
      }
    };
    header.forEach((name, column) => {
      const cell = element("th", null, head, { scope: "col" });
      element("button", name, cell, { type: "button" }).addEventListener("click", () => {
        const descends = cell.getAttribute("aria-sort") !== "descending" && column > 0
          || cell.getAttribute("aria-sort") === "ascending";
        for (const other of head.children) other.removeAttribute("aria-sort");
        cell.setAttribute("aria-sort", descends ? "descending" : "ascending");
        const key = (row) => row[column].value ?? row[column];
        rows.sort((a, b) => {
          const [x, y] = [key(a), key(b)];
          const order = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y));
          return descends ? -order : order;
        });
        fill();
      });
    });
    fill();
  }
  const number = (value, text = whole) => ({ value: value ?? -Infinity, text: value === null || value === undefined ? "–" : text(value) });

  // Head.
  document.title = `${data.dataset} – statistics`;
  $("name").textContent = data.dataset;
  $("snapshot").textContent = data.snapshot;
  const figures = [["sources", data.total.sources], ["pieces", data.total.pieces], ["segments", data.total.segments]];
  if (data.midi) figures.push(["notes", data.total.notes]);
  for (const [name, value] of figures) {
    const item = element("li", null, $("figures"));
    element("b", whole(value), item);
    item.append(name);
  }
  const time = element("li", null, $("figures"));
  element("b", clock(data.total.hours), time);
  time.append("of music");

  // Problems.
  if (data.problems.length === 0) {
    element("p", "No problems found.", $("problems"), { class: "soft" });
  }
  for (const problem of data.problems) {
    const box = element("details", null, $("problems"));
    const summary = element("summary", null, box);
    element("bdi", problem.message, summary);
    summary.append(" ");
    element("code", problem.code, summary, { class: "soft" });
    element("p", "→ " + problem.help, box);
    if (problem.sources.length > 0) {
      const list = element("ul", null, box);
      for (const source of problem.sources) element("li", source, list);
    }
  }

  // Tables of counts.
  const columns = ["sources", "pieces", "segments", "hours", ...(data.midi ? ["notes"] : [])];
  const headers = columns.map((column) => column === "hours" ? "time" : column);
  const row = (name, tally) => [name || "(unknown)", ...columns.map((column) => number(tally[column], column === "hours" ? clock : whole))];
  const order = ["train", "validation", "test"].filter((split) => data.splits[split]);
  element("h3", "by split", $("counts"));
  table($("counts"), ["split", ...headers], [...order.map((split) => row(split, data.splits[split])), row("all", data.total)]);
  for (const [label, values] of Object.entries(data.labels)) {
    element("h3", `by ${label}`, $("counts"), { style: "margin-top:1.2rem" });
    const rows = Object.entries(values).map(([value, tally]) => row(value, tally));
    rows.sort((a, b) => b[3].value - a[3].value);
    table($("counts"), [label, ...headers], rows);
  }

  // Charts of one or several groups; of several, each as shares of its own whole.
  const palette = ["#3b528b", "#e07b39", "#21908d", "#b5367a", "#8a9a1c", "#6a51a3", "#2b8cbe", "#a6611a"];
  const paletteDark = ["#7ea0ec", "#f2a265", "#4cc9c0", "#e57fb2", "#c9dc4b", "#b39ddb", "#7fc4e8", "#d9a066"];
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let charts = [];
  let grouping = "";
  function groups() {
    if (grouping === "split") return order.map((split) => [split, data.splits[split]]);
    if (grouping) {
      return Object.entries(data.labels[grouping]).sort((a, b) => b[1].segments - a[1].segments).slice(0, 8);
    }
    return [["all", data.total]];
  }
  function chart(parent, title, note, kind, labels, series, axis) {
    const shown = series.filter((one) => one.values.some((value) => value));
    if (shown.length === 0) return;
    const box = element("div", null, parent, { class: "chart" });
    element("h3", title, box);
    const canvas = element("canvas", null, element("div", null, box), { role: "img", "aria-label": title });
    if (note) element("p", note, box, { class: "soft", style: "font-size:.8rem" });
    const style = getComputedStyle(document.documentElement);
    const isPrint = matchMedia("print").matches;
    const colours = dark.matches && !isPrint ? paletteDark : palette;
    // Half a source cannot be counted.
    const counts = !(shown.length > 1 && axis.share) && ["sources", "notes", "presses"].includes(axis.y);
    const [ink, line] = [style.getPropertyValue("--soft"), style.getPropertyValue("--line")];
    charts.push(new Chart(canvas, {
      type: kind,
      data: {
        labels,
        datasets: shown.map((one, index) => ({
          label: one.name || "(unknown)", data: one.values, borderColor: colours[index % 8], backgroundColor: colours[index % 8] + (kind === "bar" ? "cc" : "33"),
          borderWidth: kind === "bar" ? 0 : 1.6, pointRadius: 0, tension: 0.2, barPercentage: 1, categoryPercentage: 0.9, fill: false,
          borderDash: one.dash || [],
        })),
      },
      options: {
        animation: false, responsive: true, maintainAspectRatio: false,
        interaction: { mode: "index", intersect: false },
        plugins: {
          legend: { display: shown.length > 1, labels: { color: ink, boxWidth: 12 } },
          tooltip: { callbacks: { label: (item) => `${item.dataset.label}: ${short(item.parsed.y)}${shown.length > 1 && axis.share ? " %" : ""}` } },
        },
        scales: {
          x: { ticks: { color: ink, maxRotation: 50, autoSkipPadding: 8 }, grid: { display: false }, title: { display: !!axis.x, text: axis.x, color: ink } },
          y: { beginAtZero: true, ticks: { color: ink, callback: tick, ...(counts ? { precision: 0 } : {}) }, grid: { color: line }, title: { display: true, text: shown.length > 1 && axis.share ? "%" : axis.y, color: ink } },
        },
      },
    }));
  }
  // Counts of every group over the same bins; shares where groups are compared.
  function histogram(parent, title, note, labels, pick, axis, kind = "bar") {
    const all = groups();
    const series = all.map(([name, tally]) => ({ name, values: pick(tally) || [] }));
    if (all.length > 1) {
      for (const one of series) {
        const sum = one.values.reduce((a, b) => a + b, 0);
        one.values = one.values.map((value) => sum > 0 ? 100 * value / sum : 0);
      }
    }
    const used = labels.map((_, index) => series.some((one) => one.values[index]));
    const [first, last] = [used.indexOf(true), used.lastIndexOf(true)];
    if (first < 0) return;
    for (const one of series) one.values = one.values.slice(first, last + 1);
    chart(parent, title, note, kind, labels.slice(first, last + 1), series, { ...axis, share: true });
  }
  const named = (parent, title, note, pick, axis) => {
    const totals = {};
    for (const [, tally] of groups()) for (const [key, value] of Object.entries(pick(tally) || {})) totals[key] = (totals[key] || 0) + value;
    const keys = Object.keys(totals).sort((a, b) => totals[b] - totals[a]).slice(0, 14);
    histogram(parent, title, note, keys, (tally) => keys.map((key) => (pick(tally) || {})[key] || 0), axis);
  };
  const halfOctaves = (edges) => [`< ${short(edges[0])}`, ...edges.map((edge) => short(edge))];
  const families = ["piano", "chromatic", "organ", "guitar", "bass", "strings", "ensemble", "brass", "reed", "pipe", "lead", "pad", "effects", "ethnic", "percussive", "sounds", "drums"];

  function drawMIDI(parent) {
    const midi = (pick) => (tally) => tally.midi ? pick(tally.midi) : [];
    const lines = groups().length > 1 ? "line" : "bar";
    histogram(parent, "Pitches", "without drums", Array.from({ length: 128 }, (_, pitch) => pitchName(pitch)), midi((m) => m.pitch_histogram), { y: "notes" }, lines);
    histogram(parent, "Pitch classes", null, ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"], midi((m) => m.pitch_class_histogram), { y: "notes" });
    histogram(parent, "Velocities", null, Array.from({ length: 128 }, (_, value) => value), midi((m) => m.velocity_histogram), { y: "notes" }, lines);
    histogram(parent, "Note lengths", "bins half an octave wide, labelled by their lower edge", halfOctaves(data.midi.note_lengths.edges), midi((m) => m.note_lengths.counts), { x: "beats", y: "notes" }, lines);
    histogram(parent, "Sustain pedal", "how long it is held; bins as for note lengths", halfOctaves(data.midi.pedal_lengths.edges), midi((m) => m.pedal_lengths.counts), { x: "seconds", y: "presses" }, lines);
    histogram(parent, "Polyphony", "simultaneous pitches; 0 is silence", Array.from({ length: 17 }, (_, count) => count), midi((m) => {
      const beats = m.polyphony_beats.slice(0, 17);
      return Array.from({ length: 17 }, (_, index) => beats[index] || 0);
    }), { y: "beats" }, lines);
    const bins = Array.from({ length: 40 }, (_, index) => index * 10);
    histogram(parent, "Tempo", "time at each tempo, in bins of 10", bins, midi((m) => {
      const counts = bins.map(() => 0);
      for (const [tempo, seconds] of Object.entries(m.tempo_seconds)) counts[Math.min(39, Math.floor(tempo / 10))] += seconds;
      return counts;
    }), { x: "BPM", y: "seconds" }, lines);
    named(parent, "Time signatures", null, (tally) => tally.midi?.metre_beats, { y: "beats" });
    named(parent, "Key signatures", "of files that have one", (tally) => tally.midi?.key_beats, { y: "beats" });
    histogram(parent, "Instrument families", "General MIDI, and drums", families, midi((m) => m.family_notes), { y: "notes" });
  }
  // A number of every source: the bins are those of the whole dataset's range.
  function drawSpreads(parent, kind, measures) {
    for (const [name, title] of measures) {
      const whole = data[kind].by_source[name];
      if (!whole || !whole.histogram) continue;
      const series = groups().map(([group, tally]) => ({ name: group, spread: tally[kind]?.by_source[name] })).filter((one) => one.spread);
      if (series.length === 1) {
        const { edges, counts } = series[0].spread.histogram;
        chart(parent, title, null, "bar", counts.map((_, index) => short((edges[index] + edges[index + 1]) / 2)), [{ name: "all", values: counts }], { y: "sources" });
      } else {
        chart(parent, title, "quartiles of each group's sources", "bar", series.map((one) => one.name || "(unknown)"),
          [["lower quartile", "q25"], ["median", "median"], ["upper quartile", "q75"]].map(([label, key]) => ({ name: label, values: series.map((one) => one.spread[key]) })), { y: title });
      }
    }
  }
  function spreadTable(parent, kind, measures) {
    const rows = measures.filter(([name]) => data[kind].by_source[name]).map(([name, title]) => {
      const spread = data[kind].by_source[name];
      return [title, ...["mean", "deviation", "min", "q25", "median", "q75", "max"].map((key) => number(spread[key], short))];
    });
    table(parent, ["by source", "mean", "std", "min", "lower quartile", "median", "upper quartile", "max"], rows);
  }
  const midiMeasures = [["notes_per_second", "notes/s"], ["polyphony", "polyphony"], ["polyphony_rate", "time with over 2 pitches, share"], ["pitch_entropy", "pitch entropy, bits"], ["pitch_class_entropy", "pitch class entropy, bits"], ["scale_consistency", "scale consistency"], ["groove_consistency", "groove consistency"], ["empty_bar_rate", "empty bars, share"], ["velocity", "velocity"], ["tempo", "tempo, BPM"]];
  const audioMeasures = [["lufs", "loudness, LUFS"], ["lufs_after", "loudness with gain, LUFS"], ["rms", "RMS, dBFS"], ["rms_after", "RMS with gain, dBFS"], ["true_peak", "true peak, dBTP"], ["true_peak_after", "true peak with gain, dBTP"], ["gain_db", "gain, dB"], ["lra", "loudness range, LU"], ["bandwidth_hz", "bandwidth, Hz"]];
  function drawAudio(parent) {
    const hertz = data.mel_frequencies;
    const before = groups().map(([name, tally]) => [name, tally.audio?.mel_before]).filter(([, mel]) => mel);
    const decibels = (power) => power > 0 ? 10 * Math.log10(power) : null;
    if (hertz && before.length > 0) {
      const labels = hertz.map((frequency) => `${Math.round(frequency)} Hz`);
      chart(parent, "Mel spectrum before normalisation", "mean over all frames, before any gain", "line", labels,
        before.map(([name, mel]) => ({ name, values: mel.mean.map(decibels) })), { y: "dB" });
      chart(parent, "Mel std before normalisation", "std of each band's power", "line", labels,
        before.map(([name, mel]) => ({ name, values: mel.deviation.map(decibels) })), { y: "dB" });
      const after = Object.entries(data.mel_after || {});
      if (after.length > 0) {
        chart(parent, "Mel spectrum in the shards", "train split: mean and std of each band", "line", labels,
          after.flatMap(([name, mel]) => [{ name: `${name} mean`, values: mel.mean }, { name: `${name} std`, values: mel.deviation, dash: [4, 3] }]), { y: "normalised" });
      }
    }
    // As in figure 4 of paper 002: the change from lag to lag, where a beat or a harmonic shows as a wave.
    const repeats = groups().map(([name, tally]) => [name, tally.audio?.mel_autocorrelation]).filter(([, found]) => found);
    const changes = (values) => values.slice(1).map((value, index) => value - values[index]);
    if (data.mel_hop_seconds && repeats.length > 0) {
      chart(parent, "Row autocorrelation", "change from lag to lag over time; a beat shows as a wave", "line", changes(repeats[0][1].rows).map((_, index) => `${short((index + 1) * data.mel_hop_seconds)} s`),
        repeats.map(([name, found]) => ({ name, values: changes(found.rows) })), { y: "change" });
      chart(parent, "Column autocorrelation", "change from lag to lag over bands; harmonics show as a wave", "line", changes(repeats[0][1].columns).map((_, index) => many(index + 1, "band")),
        repeats.map(([name, found]) => ({ name, values: changes(found.columns) })), { y: "change" });
    }
    named(parent, "Sample rates", null, (tally) => tally.audio?.rates, { x: "Hz", y: "sources" });
    named(parent, "Formats", null, (tally) => {
      const formats = {};
      for (const [name, count] of Object.entries(tally.audio?.formats || {})) {
        const brief = name.replace(/ \([^)]*\)/g, "");
        formats[brief] = (formats[brief] || 0) + count;
      }
      return formats;
    }, { y: "sources" });
  }
  function draw() {
    for (const one of charts) one.destroy();
    charts = [];
    for (const id of ["midi-charts", "midi-spreads", "audio-charts", "audio-spreads"]) $(id).replaceChildren();
    if (data.midi) {
      drawMIDI($("midi-charts"));
      drawSpreads($("midi-spreads"), "midi", midiMeasures);
    }
    if (data.audio) {
      drawAudio($("audio-charts"));
      drawSpreads($("audio-spreads"), "audio", audioMeasures);
    }
  }
  const select = $("grouping");
  for (const [value, name] of [["", "the whole dataset"], ["split", "each split"], ...Object.keys(data.labels).map((label) => [label, `each ${label}`])]) {
    element("option", name, select, { value });
  }
  select.addEventListener("change", () => { grouping = select.value; draw(); });
  dark.addEventListener("change", draw);
  addEventListener("beforeprint", () => { for (const one of charts) one.resize(); });
  for (const kind of ["midi", "audio"]) {
    if (data[kind]) spreadTable($(`${kind}-table`), kind, kind === "midi" ? midiMeasures : audioMeasures);
    else $(kind).remove();
  }
  if (!data.midi || !data.audio) {
    // Charts are drawn into boxes that are there for both kinds.
    for (const id of ["midi-charts", "midi-spreads", "audio-charts", "audio-spreads"]) if (!$(id)) element("div", null, document.body, { id, hidden: "" });
  }
  draw();
})();
