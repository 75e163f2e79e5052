"use strict";
// What the segments of the grid are filtered and sorted by: facets with counts, histograms to drag a range on, the order.
const filters = (() => {
  const { $, element, whole, short, many } = page;
  const { ask, complain, go } = explorer;
  const own = (name) => `segment.${name}`;
  const titles = new Map();

  function make() {
    const { numbers, measures } = explorer.dataset;
    for (const { name, title } of numbers) titles.set(own(name), title);
    for (const { name, title } of measures) titles.set(name, `${title} (source)`);
    element("option", "path", $("sort"), { value: "" });
    for (const [title, names] of [["of the segment", numbers.map(({ name }) => own(name))], ["of its source", measures.map(({ name }) => name)]]) {
      const group = element("optgroup", null, $("sort"), { label: title });
      for (const name of names) element("option", titles.get(name).replace(" (source)", ""), group, { value: name });
    }
    const sort = (isDescending) => go({ sort: $("sort").value && (isDescending ? "-" : "") + $("sort").value });
    const isDescending = () => (explorer.state.get("sort") || "").startsWith("-");
    // What is asked for first is the most.
    $("sort").addEventListener("change", () => sort(true));
    $("descending").addEventListener("click", () => sort(!isDescending()));
    $("group").addEventListener("change", () => go({ group: $("group").checked ? "source" : null }));
    for (const { name, title } of measures) {
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
    // On a phone the segments come first.
    $("facet-box").open = matchMedia("(min-width: 56.01rem)").matches;
  }

  // The filters that the counts are of.
  let counted = null;
  async function show() {
    const { state } = explorer;
    if (document.activeElement !== $("search")) $("search").value = state.get("q") || "";
    const sort = state.get("sort") || "";
    $("sort").value = sort.replace(/^-/, "");
    $("descending").hidden = sort === "";
    $("descending").textContent = sort.startsWith("-") ? "↓" : "↑";
    $("descending").setAttribute("aria-pressed", String(sort.startsWith("-")));
    $("group").checked = state.get("group") === "source";
    for (const field of document.querySelectorAll("#ranges [data-key]")) {
      if (field !== document.activeElement) field.value = state.get(field.dataset.key) || "";
    }
    if ([...state.keys()].some((key) => /^(min|max)\.(?!segment\.)/.test(key))) $("more").open = true;
    showChosen();
    const query = explorer.filterQuery();
    if (query === counted) return;
    counted = query;
    const facets = await ask(`/api/facets?${query}`);
    if (query !== counted) return;
    drawFacets(facets);
    // Right after the start the numbers of the segments may still be read, and the problems looked for.
    const later = (name, draw) => ask(`/api/facets?${query}${query && "&"}${name}=1`).then((found) => {
      if (query === counted) draw(found);
    }).catch(complain);
    later("numbers", ({ histograms }) => drawHistograms(histograms));
    later("problems", ({ problems }) => drawProblems(problems));
  }

  // The filters in use, each with a button that removes it.
  function showChosen() {
    $("chosen").replaceChildren();
    const { state } = explorer;
    const chip = (text, changes) => {
      const button = element("button", `${text} ×`, $("chosen"), { type: "button", class: "tag", "aria-label": `remove the filter ${text}` });
      button.addEventListener("click", () => go(changes));
    };
    for (const key of new Set(state.keys())) {
      const values = state.getAll(key);
      if (["split", "kind", "problem", "tag"].includes(key) || key.startsWith("label.")) {
        for (const value of values) chip(`${key.replace(/^label\./, "")}: ${value || "(unknown)"}`, { [key]: values.filter((one) => one !== value) });
      } else if (key === "source") chip("one source", { source: null });
    }
    for (const [name, title] of titles) {
      const [low, high] = [state.get(`min.${name}`), state.get(`max.${name}`)];
      if (low === null && high === null) continue;
      const range = low === null ? `up to ${short(Number(high))}` : high === null ? `from ${short(Number(low))}` : `${short(Number(low))} to ${short(Number(high))}`;
      chip(`${title}: ${range}`, { [`min.${name}`]: null, [`max.${name}`]: null });
    }
  }

  // Gives the focus back to the field that has it now, by one of its data, after it was drawn again.
  function focusOf(key) {
    const focused = document.activeElement?.dataset?.[key];
    return () => {
      if (focused) [...document.querySelectorAll(`[data-${key}]`)].find((one) => one.dataset[key] === focused)?.focus();
    };
  }

  // MARK: Facets

  // Facets whose every value is shown; the others show the most frequent.
  const opened = new Set();
  function drawFacets({ splits, kinds, labels, tags }) {
    const keepFocus = focusOf("choice");
    $("facets").replaceChildren();
    if (tags.length > 0) drawFacet("tag", "tags", tags);
    drawFacet("split", "split", splits);
    if (kinds.length > 1) drawFacet("kind", "kind", kinds);
    for (const [name, values] of Object.entries(labels)) drawFacet(`label.${name}`, name, values);
    keepFocus();
  }
  function drawFacet(key, title, choices) {
    const box = element("fieldset", null, $("facets"), { "data-facet": key });
    element("legend", title, box);
    const chosen = explorer.state.getAll(key);
    const most = 8;
    const isOpen = opened.has(key) || choices.length <= most + 1;
    for (const { value, segments } of choices.filter((one, index) => isOpen || index < most || chosen.includes(one.value))) {
      drawChoice(box, key, value, value || "(unknown)", segments);
    }
    if (isOpen) return;
    const more = element("button", `${whole(choices.length - most)} more`, box, { type: "button", class: "plain" });
    more.addEventListener("click", () => {
      opened.add(key);
      refresh().catch(complain);
    });
  }

  function drawChoice(box, key, value, text, segments) {
    const label = element("label", null, box, segments === 0 ? { class: "soft" } : {});
    // An unknown value cannot be named in a link.
    const input = element("input", null, label, { type: "checkbox", value, "data-choice": `${key}=${value}`, ...(value === "" ? { disabled: "" } : {}) });
    input.checked = explorer.state.getAll(key).includes(value);
    input.addEventListener("change", () => {
      const others = explorer.state.getAll(key).filter((one) => one !== value);
      go({ [key]: input.checked ? [...others, value] : others });
    });
    element("span", text, label);
    element("span", whole(segments), label, { class: "count" });
  }

  // The address of two sources side by side, from which the way leads back to what is shown now.
  function besides({ first, second }) {
    const next = new URLSearchParams(explorer.state);
    next.set("view", "pair");
    next.set("first", first.source);
    next.set("second", second.source);
    return `#${next}`;
  }

  // The address of the whole source of a segment, beside the list as it is now.
  function besideList(segment) {
    const next = new URLSearchParams(explorer.state);
    next.set("segment", segment);
    next.set("whole", "1");
    return `#${next}`;
  }

  // What `stats` finds, worst first; a finding that concerns sources is a filter.
  function drawProblems(problems) {
    const keepFocus = focusOf("choice");
    $("problems").replaceChildren();
    if (problems.length === 0) return;
    const box = element("fieldset", null, $("problems"), { "data-facet": "problem" });
    element("legend", "problems", box);
    const chosen = explorer.state.getAll("problem");
    for (const { value, message, help, segments, count, found, pairs } of problems) {
      const isChosen = chosen.includes(value);
      if (segments === null) element("p", message, box, { title: help, class: "soft" });
      else drawChoice(box, "problem", value, message, segments);
      if (!isChosen) continue;
      element("p", `To do: ${help}.`, box, { class: "soft" });
      const list = element("ul", null, box, { class: "soft" });
      found.forEach(({ text, segment }, index) => {
        const item = element("li", null, list);
        const address = pairs[index] ? besides(pairs[index]) : segment ? besideList(segment) : null;
        if (address) element("a", text, item, { href: address });
        else item.textContent = text;
      });
      if (count > found.length) element("li", `and ${whole(count - found.length)} more; reprise stats has all`, list);
    }
    keepFocus();
  }

  // MARK: Histograms

  function drawHistograms(histograms) {
    const keepFocus = focusOf("end");
    $("histograms").replaceChildren();
    for (const { name, title } of explorer.dataset.numbers) {
      if (histograms[name]) drawHistogram(name, title, histograms[name]);
    }
    keepFocus();
  }
  // Bars over sliders: a range is dragged on the bars, or set by the sliders, which the arrow keys move.
  function drawHistogram(name, title, { low, high, counts }) {
    const box = element("fieldset", null, $("histograms"), { class: "histogram", "data-number": name });
    element("legend", title, box);
    const [bins, width] = [counts.length, (high - low) / counts.length];
    const bars = element("div", null, box, { class: "bars", "aria-hidden": "true" });
    const most = Math.max(1, ...counts);
    for (const count of counts) element("i", null, bars).style.height = `${count === 0 ? 0 : Math.max(3, 100 * count / most)}%`;
    const text = element("output", null, box);
    if (!(width > 0)) {
      text.textContent = `all ${short(low)}`;
      return;
    }
    // Numbers as short as tells two bins apart, so that addresses stay readable.
    const digits = Math.max(0, Math.ceil(1 - Math.log10(width)));
    const edge = (bin) => (low + bin * width).toFixed(Math.min(digits, 8));
    const [minimum, maximum] = [`min.${own(name)}`, `max.${own(name)}`];
    const place = (key, otherwise) => {
      const value = explorer.state.get(key);
      return value === null ? otherwise : Math.min(bins, Math.max(0, Math.round((Number(value) - low) / width)));
    };
    let [from, to] = [place(minimum, 0), place(maximum, bins)];
    const slider = (end, words) => element("input", null, box, { type: "range", min: 0, max: bins, step: 1, "data-end": `${name}.${end}`, "aria-label": `${title}, ${words}` });
    const [first, last] = [slider("from", "from"), slider("to", "to")];
    const mark = () => {
      first.value = from;
      last.value = to;
      first.setAttribute("aria-valuetext", from === 0 ? "the least" : edge(from));
      last.setAttribute("aria-valuetext", to === bins ? "the greatest" : edge(to));
      [...bars.children].forEach((bar, index) => bar.classList.toggle("out", index < from || index >= to));
      const found = counts.slice(from, to).reduce((sum, count) => sum + count, 0);
      text.textContent = `${from === 0 ? "" : `from ${edge(from)} `}${to === bins ? "" : `up to ${edge(to)} `}` || `${edge(0)} to ${edge(bins)}`;
      text.title = many(found, "segment");
    };
    // The first and the last bin hold what lies beyond, so a range that reaches them has no end there.
    const apply = () => go({ [minimum]: from === 0 ? null : edge(from), [maximum]: to === bins ? null : edge(to) });
    first.addEventListener("input", () => {
      from = Math.min(Number(first.value), to - 1);
      mark();
    });
    last.addEventListener("input", () => {
      to = Math.max(Number(last.value), from + 1);
      mark();
    });
    first.addEventListener("change", apply);
    last.addEventListener("change", apply);
    const binAt = (event) => {
      const frame = bars.getBoundingClientRect();
      return Math.min(bins - 1, Math.max(0, Math.floor(bins * (event.clientX - frame.left) / frame.width)));
    };
    let anchor = null;
    bars.addEventListener("pointerdown", (event) => {
      bars.setPointerCapture(event.pointerId);
      anchor = binAt(event);
      [from, to] = [anchor, anchor + 1];
      mark();
    });
    bars.addEventListener("pointermove", (event) => {
      if (anchor === null) return;
      const bin = binAt(event);
      [from, to] = [Math.min(anchor, bin), Math.max(anchor, bin) + 1];
      mark();
    });
    bars.addEventListener("pointerup", () => {
      anchor = null;
      apply();
    });
    mark();
  }

  // Counts again, after something was tagged.
  function refresh() {
    counted = null;
    return show();
  }

  return { make, show, refresh };
})();
