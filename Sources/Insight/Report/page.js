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
  // A table with titles over its columns; returns its body.
  const table = (parent, titles) => {
    const made = element("table", null, parent);
    const head = element("tr", null, element("thead", null, made));
    for (const title of titles) element("th", title, head, { scope: "col" });
    return element("tbody", null, made);
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
  return { $, element, table, whole, short, tick, ends, many, pitchName, clock, lengthOf };
})();
