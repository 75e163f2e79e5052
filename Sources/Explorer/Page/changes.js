"use strict";
// What a change of the manifest or its table would do to the splits: the lines to write, and what moves. Nothing is changed.
const changesView = (() => {
  const { element, many } = page;
  const { ask, complain } = explorer;

  // Draws a closed box for one source, or for two that belong together; it asks when it is opened.
  function show(parent, first, second = null) {
    const box = element("details", null, parent, { class: "change" });
    element("summary", "What a change would do", box);
    const address = `/api/change?source=${first}${second === null ? "" : `&second=${second}`}`;
    box.addEventListener("toggle", async () => {
      try { drawOffers(box, address, (await ask(address)).changes); } catch (error) { complain(error); }
    }, { once: true });
  }
  function drawOffers(box, address, changes) {
    const label = element("label", "change: ", box);
    const choice = element("select", null, label);
    element("option", "choose …", choice, { value: "" });
    for (const { title, query } of changes) element("option", title, choice, { value: new URLSearchParams(query) });
    const result = element("div", null, box, { role: "status" });
    choice.addEventListener("change", async () => {
      const wanted = choice.value;
      result.replaceChildren();
      if (!wanted) return;
      try {
        const answer = await ask(`${address}&${wanted}`);
        if (wanted === choice.value) draw(result, answer);
      } catch (error) { complain(error); }
    });
  }
  function draw(parent, { place, lines, shown, moves, warnings }) {
    element("p", place, parent, { class: "soft" });
    element("pre", shown, parent, { tabindex: "0", "aria-label": "lines to copy" });
    const button = element("button", "copy", parent, { type: "button" });
    button.addEventListener("click", async () => {
      try { await navigator.clipboard.writeText(lines); } catch {
        // Pages of plain HTTP have no clipboard; what is shown has control characters as symbols, so it is not what is copied.
        const raw = element("textarea", null, parent, { "aria-hidden": "true" });
        raw.value = lines;
        raw.select();
        document.execCommand("copy");
        raw.remove();
        button.focus();
      }
      button.textContent = "copied";
    });
    element("p", moves.length === 0 ? "After the next build every segment stays in its split." : "After the next build:", parent, { class: "effect" });
    const list = element("ul", null, parent);
    for (const { from, to, sources, segments } of moves) {
      const what = `${many(segments, "segment")} of ${many(sources, "source")}`;
      element("li", to === null ? `${what} leave the dataset (${from})` : `${what} move from ${from} to ${to}`, list);
    }
    for (const text of warnings) element("li", `warning: ${text}`, list);
  }

  return { show };
})();
