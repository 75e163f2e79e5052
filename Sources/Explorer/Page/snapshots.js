"use strict";
// The dataset's snapshots, and what changed from an earlier one to the one that is shown.
const snapshotsView = (() => {
  const { $, element, whole, many } = page;
  const { ask, drawTable, dateText, go } = explorer;

  async function show() {
    const from = explorer.state.get("from");
    const [{ snapshots }, change] = await Promise.all([ask("/api/snapshots"), from ? ask(`/api/comparison?from=${encodeURIComponent(from)}`) : null]);
    if (explorer.state.get("view") !== "snapshots") return;
    const box = $("runs");
    box.replaceChildren();
    document.title = `snapshots – ${explorer.dataset.dataset}`;
    const body = drawTable(box, ["snapshot", "hash", "built", "sources", "segments", ""], "snapshots");
    for (const one of snapshots) {
      const row = element("tr", null, body);
      for (const text of [one.name, one.snapshot.slice(0, 12), dateText(one.built), whole(one.sources), whole(one.segments)]) element("td", text, row);
      const cell = element("td", one.is_shown ? "shown here" : null, row);
      if (!one.is_shown) element("a", "compare with the one shown", cell, { href: `#view=snapshots&from=${one.snapshot}`, ...(one.snapshot === from ? { "aria-current": "" } : {}) });
    }
    if (change) drawChange(box, change);
    else if (snapshots.length < 2) element("p", "There is one snapshot. Build the dataset again after a change, and compare the two here.", box, { class: "soft" });
  }
  function drawChange(box, change) {
    element("h2", `From ${change.from.slice(0, 12)} to ${change.to.slice(0, 12)}`, box);
    const counts = Object.entries(change.segments).map(([split, { from, to }]) => `${split} ${whole(from)} → ${whole(to)}`);
    element("p", `segments: ${counts.join(", ")} · shards: ${change.shards.kept} kept, ${change.shards.gone} gone, ${change.shards.new} new`, box, { class: "soft" });
    const lists = [
      ["added", "Added"], ["removed", "Removed"], ["moved", "Moved between splits"], ["relabelled", "Other labels"],
      ["renamed", "Renamed"], ["changed", "Other bytes"], ["settings", "Settings"],
    ];
    const kinds = lists.filter(([name]) => change[name].length > 0);
    for (const [name, title] of kinds) drawList(box, change, name, title);
    for (const [name, title] of [["new", "Newly quarantined"], ["gone", "No longer quarantined"]]) {
      if (change.quarantine[name].length === 0) continue;
      element("h3", `${title} (${whole(change.quarantine[name].length)})`, box);
      const list = element("ul", null, box, { class: "changes" });
      for (const path of change.quarantine[name].slice(0, 500)) element("li", path, list);
    }
    if (kinds.length === 0) element("p", "The sources and the settings are the same.", box, { class: "soft" });
  }
  function drawList(box, change, name, title) {
    element("h3", `${title} (${whole(change.counts[name])})`, box);
    const list = element("ul", null, box, { class: "changes", "data-kind": name });
    for (const entry of change[name]) {
      const item = element("li", null, list);
      const path = typeof entry === "string" ? entry : entry.path;
      const id = name === "settings" || name === "removed" ? undefined : change.links[path];
      if (id) {
        element("a", path, item, { href: `#segment=${id}` }).addEventListener("click", (event) => {
          if (event.metaKey || event.ctrlKey) return;
          event.preventDefault();
          go({ view: null, from: null, segment: id });
        });
      } else element("span", path, item);
      if (typeof entry !== "string") element("span", name === "renamed" ? ` was ${entry.from}` : `: ${entry.from} → ${entry.to}`, item, { class: "soft" });
    }
    const rest = change.counts[name] - change[name].length;
    if (rest > 0) element("li", `and ${many(rest, "other")}; reprise stats --against has all`, list, { class: "soft" });
  }

  return { show };
})();
