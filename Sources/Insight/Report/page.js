"use strict";
// What the pages of `reprise` share: elements whose text is text only, never markup, and numbers as people read them.
const page = (() => {
  const $ = (id) => document.getElementById(id);
  const element = (name, text, parent, attributes = {}) => {
    const made = document.createElement(name);
    if (text !== null && text !== undefined) made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (parent) parent.append(made);
    return made;
  };
  const whole = (value) => Math.round(value).toLocaleString("en");
  const short = (value) => {
    if (value === null || value === undefined) return "–";
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-4 || size >= 1e12)) return value.toExponential(2);
    if (size < 1) return value.toLocaleString("en", { maximumSignificantDigits: 4 });
    return value.toLocaleString("en", { maximumFractionDigits: size >= 100 ? 1 : 2 });
  };
  // The label of a chart's tick: as many digits as tell it from its neighbours.
  const tick = (value, _, ticks) => {
    const values = ticks.map((one) => one.value);
    const step = values.length > 1 ? Math.abs(values[1] - values[0]) : Math.abs(value);
    const size = Math.max(...values.map(Math.abs));
    if (value === 0 || !(step > 0)) return "0";
    if (size < 1e-4 || size >= 1e9) {
      return value.toExponential(Math.max(0, Math.min(6, Math.ceil(Math.log10(size / step)))));
    }
    let digits = 0;
    while (digits < 10 && Math.abs(step * 10 ** digits - Math.round(step * 10 ** digits)) > 1e-6) digits += 1;
    return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  };
  // The ends of an axis for values that are all the same: without them Chart.js draws from one below to one above.
  const ends = (values) => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return low === high && low !== 0 ? { suggestedMin: Math.min(0, 2 * low), suggestedMax: Math.max(0, 2 * low) } : {};
  };
  const many = (count, noun) => `${whole(count)} ${noun}${count === 1 ? "" : "s"}`;
  const pitchName = (pitch) => ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"][pitch % 12] + (Math.floor(pitch / 12) - 1);
  // Minutes and seconds, from an hour on with hours.
  const clock = (seconds) => {
    const two = (value) => String(Math.floor(value) % 60).padStart(2, "0");
    return seconds >= 3600 ? `${Math.floor(seconds / 3600)}:${two(seconds / 60)}:${two(seconds)}` : `${Math.floor(seconds / 60)}:${two(seconds)}`;
  };
  // When the last note ends, in seconds.
  const lengthOf = (notes) => notes.reduce((end, note) => Math.max(end, note[0] + note[1]), 0);
  // Notes as bars: time to the right, pitch upwards, loud ones strong.
  const drawNotes = (canvas, notes, end = Math.max(1, lengthOf(notes))) => {
    const pen = canvas.getContext("2d");
    const low = notes.reduce((least, note) => Math.min(least, note[2]), Infinity) - 1;
    const high = notes.reduce((most, note) => Math.max(most, note[2]), -Infinity) + 2;
    pen.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--accent");
    for (const [start, duration, pitch, velocity] of notes) {
      pen.globalAlpha = 0.25 + 0.75 * velocity / 127;
      pen.fillRect(start / end * canvas.width, (1 - (pitch + 1 - low) / (high - low)) * canvas.height, Math.max(1, duration / end * canvas.width), Math.max(1.5, canvas.height / (high - low)));
    }
  };
  return { $, element, whole, short, tick, ends, many, pitchName, clock, lengthOf, drawNotes };
})();
