"use strict";
// The page of `reprise listen`: plays the trials of a blind test, and keeps the answers in the browser until they are saved.
(() => {
  const data = JSON.parse(document.getElementById("listening").textContent);
  const { $, element, clock, many, lengthOf } = page;
  const texts = {
    style: "Which is closer to the style of the examples?",
    content: "Which keeps more of the original?",
    overall: "Which do you prefer?",
    abx: "Which of the two is X?",
  };
  const columns = "test,listener,trial,question,answer,seconds,plays";

  // The sounds of a trial: a key, a name, and the number of the sound. Examples take turns.
  let example = -1;
  const soundsOf = (trial) => [
    ["a", "A", trial.a], ["b", "B", trial.b],
    ...(trial.x === null ? [["c", "original", trial.content]] : [["x", "X", trial.x]]),
    ...(trial.questions.includes("style") ? [["s", "style", null]] : []),
  ];
  const compared = ["a", "b", "x"];

  // One sound at a time. A, B, X and the original share a place; an example starts at its beginning.
  const player = (() => {
    let current = null;
    let place = 0;
    const audios = new Map();
    const audioOf = (number) => {
      if (!audios.has(number)) {
        const audio = new Audio(data.sounds[number].file);
        audio.preload = "auto";
        audio.volume = data.sounds[number].gain;
        audio.addEventListener("ended", () => { if (current?.audio === audio) ended(); });
        audios.set(number, audio);
      }
      return audios.get(number);
    };
    const ended = () => {
      if (current && current.key !== "s") place = 0;
      current = null;
      show();
    };
    const timeOf = ({ audio, from }) => audio ? audio.currentTime : from + (Sound.time ?? 0);
    const time = () => current && current.key !== "s" ? timeOf(current) : place;
    const stop = () => {
      if (!current) return;
      place = time();
      if (current.audio) current.audio.pause(); else Sound.stop();
      current = null;
    };
    return {
      get key() { return current ? current.key : null; },
      get time() { return current ? timeOf(current) : place; },
      load(numbers) {
        audios.clear();
        for (const number of numbers) if (data.sounds[number].file) audioOf(number);
      },
      play(key, number) {
        stop();
        const { notes } = data.sounds[number];
        const from = key === "s" ? 0 : place;
        if (notes) {
          const length = lengthOf(notes);
          const start = from < length ? from : 0;
          current = { key, from: start };
          Sound.play({ notes, from: start, to: length }, ended);
        } else {
          const audio = audioOf(number);
          audio.currentTime = from < (audio.duration || Infinity) ? from : 0;
          current = { key, audio };
          audio.play().catch(() => { if (current?.audio === audio) { current = null; show("This sound cannot be played."); } });
        }
      },
      stop,
      rewind() { stop(); place = 0; },
    };
  })();

  // Answers by trial and question. They stay in this browser, if it lets a page from disk keep something.
  let listener = "";
  let answers = {};
  const storage = (name) => `reprise-listen ${data.test}${name === undefined ? "" : ` ${name}`}`;
  const stored = (name) => { try { return localStorage.getItem(storage(name)); } catch { return null; } };
  const keep = () => {
    try {
      localStorage.setItem(storage(), listener);
      localStorage.setItem(storage(listener), JSON.stringify(answers));
    } catch { /* The test works without. */ }
  };

  let number = 0;
  let heard = new Set();
  let plays = 0;
  let begun = 0;
  let last = "a";
  const trial = () => data.trials[number];
  const answerOf = (question) => answers[`${number + 1}/${question}`];
  const open = () => trial().questions.find((question) => !answerOf(question));
  const isReady = () => soundsOf(trial()).every(([key]) => !compared.includes(key) || heard.has(key));

  function play(key) {
    const sound = soundsOf(trial()).find(([name]) => name === key);
    if (!sound) return;
    if (player.key === key) { player.stop(); return show(); }
    if (key === "s") example = (example + 1) % data.examples.length;
    player.play(key, key === "s" ? data.examples[example] : sound[2]);
    last = key;
    if (compared.includes(key)) { heard.add(key); plays += 1; }
    show();
  }
  function answer(question, side) {
    if (!isReady()) return;
    answers[`${number + 1}/${question}`] = { answer: side, seconds: Math.round((performance.now() - begun) / 100) / 10, plays };
    keep();
    show();
  }

  // What has changed on the page of a trial.
  function show(message) {
    const ready = isReady();
    for (const button of $("players").children) button.setAttribute("aria-pressed", String(button.dataset.key === player.key));
    for (const set of $("questions").children) {
      set.disabled = !ready;
      set.classList.toggle("asked", ready && set.dataset.question === open());
      for (const input of set.querySelectorAll("input")) input.checked = answerOf(set.dataset.question)?.answer === input.value;
    }
    $("hint").textContent = message ?? (ready ? "" : `Play ${trial().x === null ? "A and B" : "A, B and X"} before you answer.`);
    $("next").disabled = Boolean(open());
  }
  function showTrial() {
    player.rewind();
    const sounds = soundsOf(trial());
    player.load(sounds.flatMap(([, , sound]) => sound === null ? data.examples : [sound]));
    [heard, plays, last] = [new Set(), 0, "a"];
    begun = performance.now();
    $("players").replaceChildren();
    for (const [key, name] of sounds) {
      const button = element("button", name, $("players"), { type: "button", "data-key": key, "aria-keyshortcuts": key });
      button.addEventListener("click", () => play(key));
    }
    $("questions").replaceChildren();
    for (const question of trial().questions) {
      const set = element("fieldset", null, $("questions"), { "data-question": question });
      element("legend", texts[question], set);
      for (const side of ["a", "b"]) {
        const label = element("label", null, set);
        const input = element("input", null, label, { type: "radio", name: question, value: side });
        input.addEventListener("change", () => answer(question, side));
        label.append(side.toUpperCase());
      }
    }
    $("progress").textContent = `Trial ${number + 1} of ${data.trials.length}`;
    $("bar").value = number / data.trials.length;
    show();
  }
  function advance() {
    while (number < data.trials.length && !open()) number += 1;
    const isOver = number === data.trials.length;
    [$("start").hidden, $("trial").hidden, $("end").hidden] = [true, isOver, !isOver];
    if (!isOver) return showTrial();
    player.rewind();
    $("progress").textContent = `All ${data.trials.length} trials are done.`;
    $("bar").value = 1;
    $("csv").value = csv();
  }
  const csv = () => [columns, ...data.trials.flatMap(({ questions }, index) => questions.map((question) => {
    const { answer: side, seconds, plays: count } = answers[`${index + 1}/${question}`];
    return [data.test, listener, index + 1, question, side, seconds, count].join(",");
  }))].join("\n") + "\n";

  $("about").textContent = `${many(data.trials.length, "trial")}. In each you compare two sounds, A and B. You can switch between them at any time, and each continues at the same place. Headphones are best. Your answers stay in this browser, so you can close the page and continue later.`;
  const isABX = data.trials.some((one) => one.x !== null);
  for (const [keys, text] of [
    [["a", "b"], "play A or B, or pause it"], isABX ? [["x"], "play X"] : [["c"], "play the original"],
    ...(data.examples.length > 0 ? [[["s"], "play an example of the style; the next one each time"]] : []),
    [["space"], "play or pause"], [["home"], "back to the beginning"], [["1", "2"], "answer A or B"],
    [["backspace"], "take the last answer back"], [["enter"], "next trial"],
  ]) {
    const term = element("dt", null, $("keys"));
    for (const key of keys) { element("kbd", key, term); term.append(" "); }
    element("dd", text, $("keys"));
  }
  $("listener").value = stored() ?? "";
  $("enter").addEventListener("submit", (event) => {
    event.preventDefault();
    listener = $("listener").value;
    try { answers = JSON.parse(stored(listener)) ?? {}; } catch { answers = {}; }
    number = 0;
    document.activeElement?.blur();
    advance();
  });
  $("next").addEventListener("click", advance);
  $("save").addEventListener("click", () => {
    const address = URL.createObjectURL(new Blob([csv()], { type: "text/csv" }));
    element("a", null, null, { href: address, download: `answers-${data.test}-${listener}.csv` }).click();
    URL.revokeObjectURL(address);
  });
  addEventListener("keydown", (event) => {
    if ($("trial").hidden || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    const key = event.key.toLowerCase();
    // What has the focus answers to these keys itself.
    if ((key === " " || key === "enter") && event.target.closest?.("button, input")) {
      if (key === " " || event.target.closest("button")) return;
    }
    if (["a", "b", "c", "x", "s"].includes(key)) play(key);
    else if (key === " ") play(player.key ?? last);
    else if (key === "escape") { player.stop(); show(); }
    else if (key === "home") { player.rewind(); show(); }
    else if ((key === "1" || key === "2") && open()) answer(open(), key === "1" ? "a" : "b");
    else if (key === "backspace") {
      const answered = trial().questions.filter(answerOf).pop();
      if (answered) { delete answers[`${number + 1}/${answered}`]; keep(); show(); }
    } else if (key === "enter" && !open()) advance();
    else return;
    event.preventDefault();
  });
  setInterval(() => { if (!$("trial").hidden) $("time").textContent = clock(player.time); }, 100);
})();
