"use strict";
// Where two sources coincide: the offset at which most onsets of one meet onsets of the other, those of notes only where the
// pitches are the same (the cross-correlation of their onsets, counted pair by pair).
const Alignment = (() => {
  // Seconds of a bin, and how near two onsets must be.
  const [bin, near] = [0.01, 0.03];
  // Less than that is chance.
  const least = { onsets: 8, share: 0.2 };
  // At most so many pairs are counted, so that an hour of trills does not take minutes.
  const mostPairs = 2e7;

  // Onsets in ascending order, by what must be the same: the pitch of a note, apart for drums; all alike for sound.
  function onsetsOf({ music, features }) {
    const all = new Map();
    const add = (kind, second) => {
      if (!all.has(kind)) all.set(kind, []);
      all.get(kind).push(second);
    };
    if (music) for (const [start, , pitch, , program] of music.notes) add(program === 128 ? 1000 + pitch : pitch, start);
    else for (const second of peaksOf(features)) add(0, second);
    return all;
  }
  // Where the loudness of a spectrum rises most: local maxima of its flux that exceed the mean by a standard deviation.
  function peaksOf(features) {
    const feature = features?.features.find((one) => one.frequencies) ?? features?.features.find((one) => one.name !== "waveform");
    if (!feature) return [];
    const { rows, columns, values } = feature;
    const flux = new Float64Array(columns);
    for (let row = 0; row < rows; row += 1) {
      for (let column = 1; column < columns; column += 1) flux[column] += Math.max(0, values[row * columns + column] - values[row * columns + column - 1]);
    }
    const mean = flux.reduce((sum, value) => sum + value, 0) / columns;
    const deviation = Math.sqrt(flux.reduce((sum, value) => sum + (value - mean) ** 2, 0) / columns);
    const peaks = [];
    for (let column = 1; column < columns - 1; column += 1) {
      if (flux[column] > mean + deviation && flux[column] >= flux[column - 1] && flux[column] > flux[column + 1]) peaks.push(column * features.seconds);
    }
    return peaks;
  }

  // The offset that most pairs of onsets have, a few bins wide; of several alike the nearest to none.
  function correlate(one, other, semitones) {
    const pairs = [...one].map(([kind, seconds]) => [seconds, other.get(kind >= 1000 ? kind : kind + semitones)]).filter(([, others]) => others);
    if (pairs.length === 0) return null;
    const last = (column) => Math.max(...pairs.map((pair) => pair[column][pair[column].length - 1]));
    const first = -Math.ceil(last(1) / bin) - 2;
    const counts = new Int32Array(Math.ceil(last(0) / bin) + 3 - first);
    const most = Math.floor(Math.sqrt(mostPairs / pairs.length));
    for (const [seconds, others] of pairs) {
      const some = others.slice(0, most);
      for (const a of seconds.slice(0, most)) for (const b of some) counts[Math.round((a - b) / bin) - first] += 1;
    }
    let [best, found] = [0, 0];
    for (let index = 1; index + 1 < counts.length; index += 1) {
      const count = counts[index - 1] + counts[index] + counts[index + 1];
      if (count > best || (count === best && Math.abs(index + first) < Math.abs(found))) [best, found] = [count, index + first];
    }
    // Each onset of the first with the nearest of the second.
    let [coincide, sum] = [0, 0];
    for (const [seconds, others] of pairs) {
      let index = 0;
      for (const a of seconds) {
        const wanted = a - found * bin;
        while (index + 1 < others.length && Math.abs(others[index + 1] - wanted) <= Math.abs(others[index] - wanted)) index += 1;
        const distance = a - others[index] - found * bin;
        if (Math.abs(distance) > near) continue;
        coincide += 1;
        sum += distance;
      }
    }
    return { later: found * bin + (coincide > 0 ? sum / coincide : 0), coincide, semitones };
  }

  // `later`: by how many seconds the second must be moved to the right; `share` of the onsets of the one with fewer that
  // coincide then, null if too few do; `semitones` by which the second is higher.
  function find(first, second) {
    const [one, other] = [onsetsOf(first), onsetsOf(second)];
    const count = (onsets) => [...onsets.values()].reduce((sum, seconds) => sum + seconds.length, 0);
    const fewest = Math.min(count(one), count(other));
    const none = { later: 0, share: null, semitones: 0 };
    if (fewest < least.onsets || Boolean(first.music) !== Boolean(second.music)) return none;
    const share = (found) => Math.min(1, (found?.coincide ?? 0) / fewest);
    let best = correlate(one, other, 0);
    // In another key.
    if (first.music && share(best) < 0.5) {
      for (let semitones = -11; semitones <= 11; semitones += 1) {
        const found = semitones === 0 ? null : correlate(one, other, semitones);
        if (share(found) > 1.5 * share(best)) best = found;
      }
    }
    if (!best || best.coincide < least.onsets || share(best) < least.share) return none;
    return { later: best.later, share: share(best), semitones: best.semitones };
  }

  return { find };
})();
