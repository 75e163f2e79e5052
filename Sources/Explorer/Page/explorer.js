"use strict";
// The explorer's page. The whole view is in the address behind the `#`, so a link shows it again. Text from the dataset
// reaches the page as text only, never as markup.
const explorer = (() => {
  const { $, element, whole, short, many, lengthOf } = page;

  async function ask(address) {
    const response = await fetch(address);
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    $("fault").hidden = true;
    return answer;
  }
  async function askFeatures(address) {
    const response = await fetch(address);
    if (!response.ok) throw new Error((await response.json()).error);
    return Roll.readFeatures(await response.arrayBuffer());
  }
  // What a roll of segments of a kind shows; `length` in seconds.
  async function askRoll(kind, query) {
    const [music, features] = await Promise.all([
      kind === "audio" ? null : ask(`/api/notes?${query}`), kind === "midi" ? null : askFeatures(`/api/features?${query}`),
    ]);
    const columns = features && features.features.length > 0 ? features.features[0].columns * features.seconds : 0;
    return { music, features, length: columns || Math.max(1, lengthOf(music?.notes ?? [])) };
  }
  function complain(error) {
    $("fault").textContent = error instanceof TypeError ? "No answer from the explorer. Is `reprise serve` still running?" : error.message;
    $("fault").hidden = false;
  }
  // Says why a sound cannot be played: the server's reason, if it has one.
  async function complainOfSound(address) {
    const response = await fetch(address, { headers: { Range: "bytes=0-0" } }).catch(() => null);
    complain(new Error(response && !response.ok ? (await response.json()).error : "the browser cannot play this file"));
  }

  // MARK: Elements

  // Names with values; long values have a line of their own.
  function drawFacts(parent, facts) {
    const list = element("dl", null, parent, { class: "facts" });
    for (const [name, text] of facts) {
      const pair = element("div", null, list, String(text).length > 40 ? { class: "wide" } : {});
      element("dt", name, pair);
      element("dd", text, pair);
    }
  }
  // A table that scrolls in a box of its own; returns its body.
  const drawTable = (parent, titles, name) => page.table(element("div", null, parent, { class: "table-box", tabindex: "0", role: "region", "aria-label": name }), titles);
  const dateText = (seconds) => (seconds === null ? "" : new Date(seconds * 1000).toLocaleString("sv").slice(0, 16));

  // MARK: State

  let dataset = null;
  let state = new URLSearchParams();
  // Null for the segments.
  let view = null;
  const isFilter = (key) => ["q", "split", "kind", "problem", "tag", "source"].includes(key) || /^(label|min|max)\./.test(key);
  const isOfList = (key) => isFilter(key) || ["group", "sort", "page"].includes(key);
  const queryOf = (isWanted) => new URLSearchParams([...state].filter(([key]) => isWanted(key))).toString();

  // Changes some of the state; null removes a key. A changed filter shows its first page.
  function go(changes, { replace = false } = {}) {
    const next = new URLSearchParams(state);
    for (const [key, value] of Object.entries(changes)) {
      next.delete(key);
      for (const one of Array.isArray(value) ? value : [value]) if (one !== null && one !== "") next.append(key, one);
    }
    if (Object.keys(changes).some((key) => isOfList(key) && key !== "page")) next.delete("page");
    const address = `#${next}`;
    if (address === location.hash || (address === "#" && location.hash === "")) return;
    history[replace ? "replaceState" : "pushState"](null, "", address);
    show();
  }
  async function show() {
    state = new URLSearchParams(location.hash.slice(1));
    if (state.get("view") !== view) Sound.stop();
    view = state.get("view");
    const table = { runs: runsView, snapshots: snapshotsView }[view];
    const [isTable, isPair] = [table !== undefined, view === "pair"];
    $("segments").hidden = isTable || isPair;
    $("runs").hidden = !isTable;
    $("pair").hidden = !isPair;
    if (!isPair) pairView.clear();
    $("to-segments").toggleAttribute("aria-current", !isTable);
    $("to-runs").toggleAttribute("aria-current", table === runsView);
    $("to-snapshots").toggleAttribute("aria-current", table === snapshotsView);
    document.body.classList.toggle("looking", !isTable && !isPair && state.has("segment"));
    try {
      if (isTable) {
        Sound.stop();
        await table.show();
      } else if (isPair) {
        await pairView.show();
      } else {
        await Promise.all([showList(), filters.show(), segmentView.show()]);
      }
    } catch (error) { complain(error); }
  }

  // MARK: List

  let listed = null;
  let rows = [];
  let pages = 0;
  async function showList() {
    const query = queryOf(isOfList);
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
      for (const row of rows) drawRow(row);
    }
    for (const link of $("list").querySelectorAll("a")) {
      const next = new URLSearchParams(state);
      for (const [key, value] of Object.entries(changesOf(rows[link.dataset.row]))) {
        if (value === null) next.delete(key);
        else next.set(key, value);
      }
      link.href = `#${next}`;
      const isChosen = link.dataset.id === state.get("segment");
      link.toggleAttribute("aria-current", isChosen);
      if (isChosen) link.scrollIntoView({ block: "nearest" });
    }
  }
  // After something was tagged: what is found, and how much each choice would find, may differ.
  async function refresh() {
    if (state.has("tag")) listed = null;
    await Promise.all([showList(), filters.refresh()]);
  }
  // A row of a source leads to the source's segments, all others to their segment.
  const changesOf = (row) => (row.found === undefined ? { segment: row.id, whole: null } : { source: String(row.source), group: null, page: null });
  function drawRow(row) {
    const link = element("a", null, element("li", null, $("list")), { "data-id": row.id, "data-row": rows.indexOf(row) });
    const slash = row.path.lastIndexOf("/");
    const address = `/api/thumbnail?id=${row.id}&shard=${row.shard}`;
    element("img", null, link, { src: address, alt: "", width: 240, height: 120, loading: "lazy", class: `thumbnail ${row.kind}` });
    const text = element("div", null, link);
    element("b", row.path.slice(slash + 1), text);
    element("span", row.found === undefined ? ` ${row.segment + 1} of ${whole(row.of)}` : ` ${many(row.found, "segment")}`, text, { class: "soft" });
    if (row.value !== undefined) element("span", short(row.value), text, { class: "value" });
    const line = element("small", null, text);
    element("span", row.split, line, { class: `tag ${row.split}` });
    for (const value of Object.values(row.labels)) element("span", value, line, { class: "tag" });
    element("span", row.path.slice(0, Math.max(0, slash)).replace(/^(\.\.\/)+/, ""), line, { class: "soft" });
    link.addEventListener("click", (event) => {
      if (event.metaKey || event.ctrlKey) return;
      event.preventDefault();
      go(changesOf(row));
    });
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
    $("results").scrollTop = 0;
    return true;
  }

  // MARK: Keys

  const isTyping = (event) => /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "checkbox";
  // Whether a key is for a field, the browser or the help.
  const isTaken = (event) => isTyping(event) || event.metaKey || event.ctrlKey || event.altKey || $("help").open;
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      if ($("help").open) return;
      if (isTyping(event)) event.target.blur();
      else if (state.get("view") === "pair") go({ view: null, first: null, second: null });
      else if (state.has("segment")) go({ segment: null, whole: null });
      return;
    }
    if (isTaken(event)) return;
    const isSegments = !state.has("view");
    const keys = {
      "?": () => $("help").showModal(),
      ...(isSegments ? {
        j: () => step(1), k: () => step(-1), ArrowDown: () => step(1), ArrowUp: () => step(-1),
        ArrowLeft: () => segmentView.detail?.before && go({ segment: segmentView.detail.before, whole: null }),
        ArrowRight: () => segmentView.detail?.after && go({ segment: segmentView.detail.after, whole: null }),
        n: () => turnPage(1), p: () => turnPage(-1),
        w: () => segmentView.detail && go({ whole: segmentView.detail.isWhole ? null : "1" }),
        "/": () => $("search").focus(), " ": () => segmentView.toggle(),
      } : {}),
    };
    const isPressing = event.key === " " && event.target.id !== "play"
      && (/^(BUTTON|SUMMARY)$/.test(event.target.tagName) || event.target.type === "checkbox");
    if (!keys[event.key] || isPressing) return;
    event.preventDefault();
    Promise.resolve(keys[event.key]()).catch(complain);
  });
  $("help-button").addEventListener("click", () => $("help").showModal());
  $("to-segments").addEventListener("click", (event) => {
    event.preventDefault();
    go({ view: null, run: null, smooth: null, x: null, from: null, first: null, second: null });
  });
  addEventListener("popstate", show);

  // After the scripts that show a segment and the runs.
  addEventListener("DOMContentLoaded", () => ask("/api/dataset").then((answer) => {
    dataset = answer;
    $("name").textContent = dataset.dataset;
    $("name").title = `snapshot ${dataset.snapshot}`;
    filters.make();
    $("page-back").addEventListener("click", () => turnPage(-1));
    $("page-on").addEventListener("click", () => turnPage(1));
    return show();
  }).catch(complain));

  return {
    ask, askRoll, complain, complainOfSound, drawFacts, drawTable, dateText, isTaken, go, show, refresh,
    filterQuery: () => queryOf(isFilter), get state() { return state; }, get dataset() { return dataset; },
  };
})();
