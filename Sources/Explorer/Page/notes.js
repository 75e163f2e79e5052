"use strict";
// The tags and notes of a segment and of its source. They are kept in the cache, never in the dataset.
const notesView = (() => {
  const { element } = page;
  const { ask, complain, isTaken } = explorer;
  const token = document.querySelector("meta[name=token]").content;

  let shown = null;
  let lastTag = null;
  // Draws the panel of a segment into an element.
  async function show(parent, id) {
    const box = element("section", null, parent, { class: "notes", "aria-label": "tags and notes" });
    const view = { box, id, answer: null, wanted: null, saved: Promise.resolve() };
    shown = view;
    try {
      draw(view, await ask(`/api/annotations?id=${id}`));
      if (view.wanted) focus(view, view.wanted);
    } catch (error) { complain(error); }
  }
  function draw(view, answer) {
    const { box } = view;
    // The field that is typed in keeps the focus.
    const focused = box.contains(document.activeElement) ? document.activeElement.dataset.field : null;
    view.answer = answer;
    box.replaceChildren();
    element("h3", "Tags and notes", box);
    if (!answer.can_write) element("p", "Read-only: the explorer was started with --read-only.", box, { class: "soft" });
    const known = element("datalist", null, box, { id: "known-tags" });
    for (const { tag } of answer.tags) element("option", null, known, { value: tag });
    for (const [of, title] of [["segment", "this segment"], ["source", "whole source"]]) drawRow(view, of, title);
    box.querySelector(`[data-field="${focused}"]`)?.focus();
  }
  function drawRow(view, of, title) {
    const { tags, note } = view.answer[of];
    const canWrite = view.answer.can_write;
    const row = element("div", null, view.box, { class: "noted", role: "group", "aria-label": `tags and note of ${title}` });
    element("span", title, row, { class: "soft" });
    const chips = element("span", null, row, { class: "chips" });
    for (const tag of tags) {
      const chip = element("span", tag, chips, { class: "tag" });
      if (!canWrite) continue;
      element("button", "×", chip, { type: "button", "aria-label": `remove the tag ${tag}` })
        .addEventListener("click", () => change(view, of, (old) => ({ ...old, tags: old.tags.filter((one) => one !== tag) })));
    }
    if (!canWrite) {
      element("p", note, row, { class: "text" });
      return;
    }
    const input = element("input", null, chips, { list: "known-tags", placeholder: "add a tag", "aria-label": `add a tag to ${title}`, "data-field": of, maxlength: "100" });
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing || !input.value.trim()) return;
      event.preventDefault();
      const tag = input.value.trim();
      input.value = "";
      add(view, of, tag);
    });
    const text = element("textarea", note, row, { rows: 1, placeholder: "note", "aria-label": `note on ${title}`, "data-field": `note ${of}`, maxlength: "4000" });
    text.addEventListener("change", () => change(view, of, (old) => ({ ...old, note: text.value })));
    text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) text.blur();
    });
  }
  // At once, or when the panel's answer has come.
  function focus(view, field) {
    view.wanted = view.answer ? null : field;
    view.box.querySelector(`[data-field="${field}"]`)?.focus();
  }
  function add(view, of, tag) {
    lastTag = tag;
    return change(view, of, (old) => (old.tags.includes(tag) ? old : { ...old, tags: [...old.tags, tag] }));
  }
  // One change after the other: each begins with what the one before it has left.
  function change(view, of, edit) {
    view.saved = view.saved.then(async () => {
      const { tags, note } = edit(view.answer[of]);
      const response = await fetch("/api/annotation", {
        method: "POST", headers: { "Content-Type": "application/json", "X-Reprise-Token": token },
        body: JSON.stringify({ of, id: view.id, tags, note }),
      });
      const answer = await response.json();
      if (!response.ok) throw new Error(answer.error);
      draw(view, answer);
      await explorer.refresh();
    }).catch(complain);
    return view.saved;
  }

  addEventListener("keydown", (event) => {
    if (isTaken(event) || !shown?.box.isConnected || !shown.box.checkVisibility()) return;
    const field = { t: "segment", T: "source", m: "note segment", M: "note source" }[event.key];
    if (field) {
      event.preventDefault();
      focus(shown, field);
    } else if (event.key === "." && lastTag && shown.answer?.can_write) add(shown, "segment", lastTag);
  });

  return { show };
})();
