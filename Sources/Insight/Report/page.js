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
    if (size !== 0 && (size < 0.01 || size >= 1e7)) return value.toExponential(2);
    return value.toLocaleString("en", { maximumFractionDigits: size >= 100 ? 1 : size >= 1 ? 2 : 4 });
  };
  // Minutes and seconds, from an hour on with hours.
  const clock = (seconds) => {
    const two = (value) => String(Math.floor(value) % 60).padStart(2, "0");
    return seconds >= 3600 ? `${Math.floor(seconds / 3600)}:${two(seconds / 60)}:${two(seconds)}` : `${Math.floor(seconds / 60)}:${two(seconds)}`;
  };
  return { $, element, whole, short, clock };
})();
