"use strict";
// The lanes of a roll (roll.js), one above the other on one axis of time: notes, pedals, features. A lane has `top` and
// `height` in CSS pixels, `range`, the rows that are seen, within `limits`; it paints itself and tells what lies at a place.
const Lanes = (() => {
  const { pitchName, short, whole } = page;
  const left = 50;
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  // The first place in ascending `values` whose value exceeds `value`.
  const after = (values, value) => {
    let [low, high] = [0, values.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (values[middle] > value) high = middle;
      else low = middle + 1;
    }
    return low;
  };

  class Lane {
    constructor(limits, height, least) {
      Object.assign(this, { limits, height, least, range: [...limits], top: 0, twins: [] });
    }
    show(low, high) {
      const [bottom, top] = this.limits;
      const size = clamp(high - low, Math.min(this.least, top - bottom), top - bottom);
      low = clamp(low, bottom, top - size);
      this.range = [low, low + size];
      for (const twin of this.twins) twin.range = [...this.range];
    }
    // Lanes that show the same rows from now on, those of any of them, and scroll and zoom together.
    static join(lanes) {
      const limits = [Math.min(...lanes.map((lane) => lane.limits[0])), Math.max(...lanes.map((lane) => lane.limits[1]))];
      for (const lane of lanes) Object.assign(lane, { limits, range: [...limits], twins: lanes.filter((other) => other !== lane) });
    }
    zoom(factor, around) {
      const [low, high] = this.range;
      this.show(around - (around - low) / factor, around + (high - around) / factor);
    }
    scroll(rows) { this.show(this.range[0] + rows, this.range[1] + rows); }
    get isWhole() { return this.range[1] - this.range[0] > this.limits[1] - this.limits[0] - 1e-6; }
    get rowHeight() { return this.height / (this.range[1] - this.range[0]); }
    y(row) { return this.top + this.height - (row - this.range[0]) * this.rowHeight; }
    row(y) { return this.range[0] + (this.top + this.height - y) / this.rowHeight; }
  }

  // The dots of a tile: small enough that one is drawn well within a frame.
  const tileSize = [256, 256];

  // Notes: [start, duration, pitch, velocity, program, part]. They are drawn on tiles once, and stay there until the zoom, the
  // parts or the colours change: to scroll is to copy tiles.
  class Notes extends Lane {
    constructor(music, height) {
      const pitches = music.notes.map((note) => note[2]);
      const low = pitches.reduce((least, pitch) => Math.min(least, pitch), 127);
      const high = pitches.reduce((most, pitch) => Math.max(most, pitch), 0);
      const [from, to] = pitches.length > 0 ? [low - 1, high + 2] : [60, 72];
      const more = Math.max(0, 24 - (to - from)) / 2;
      super([Math.max(0, Math.floor(from - more)), Math.min(128, Math.ceil(to + more))], height, 5);
      this.music = music;
      this.hidden = new Set();
      // By column and row; the last used are the last.
      this.tiles = new Map();
      this.tilesOf = "";
      // Each part's notes by their start, with the latest end so far, so that those in view are found at once.
      this.parts = music.parts.map(() => ({ notes: [], reach: [] }));
      for (const note of music.notes) {
        const { notes, reach } = this.parts[note[5]];
        notes.push(note);
        reach.push(Math.max(note[0] + note[1], reach[reach.length - 1] ?? 0));
      }
    }
    *seen(from, to) {
      for (const [part, { notes, reach }] of this.parts.entries()) {
        if (this.hidden.has(part)) continue;
        for (let index = after(reach, from); index < notes.length && notes[index][0] < to; index += 1) yield notes[index];
      }
    }
    paint(pen, roll) {
      const { colours } = roll;
      const [low, high] = this.range;
      for (let pitch = Math.floor(low); pitch < high; pitch += 1) {
        const y = this.y(pitch + 1);
        if (this.rowHeight >= 4 && [1, 3, 6, 8, 10].includes(pitch % 12)) {
          pen.fillStyle = colours.black;
          pen.fillRect(left, y, roll.width - left, this.rowHeight);
        }
        if (pitch % 12 === 0) {
          pen.fillStyle = colours.line;
          pen.fillRect(left, y + this.rowHeight - 0.5, roll.width - left, 1);
        }
      }
      roll.paintBars(pen, this);
      this.paintTiles(pen, roll);
      const note = roll.chosen;
      if (note && !this.hidden.has(note[5])) {
        pen.strokeStyle = colours.ink;
        pen.lineWidth = 2;
        pen.strokeRect(roll.x(note[0]) - 1, this.y(note[2] + 1) - 1, Math.max(3, note[1] * roll.pixelsPerSecond) + 2, this.rowHeight + 2);
      }
    }
    // Copies the tiles in view. They are counted from second 0 and from the highest row, in dots of the screen.
    paintTiles(pen, roll) {
      const [across, down] = [roll.canvas.width / roll.width, roll.canvas.height / roll.height];
      // The zoom is computed from two ends that scroll, and differs in its last digits.
      const looks = [roll.pixelsPerSecond.toPrecision(10), this.rowHeight.toPrecision(10), across, down, ...roll.colours.parts, "hidden", ...this.hidden].join(" ");
      if (looks !== this.tilesOf) {
        this.forgetTiles(0);
        this.tilesOf = looks;
      }
      const [wide, high] = tileSize;
      const [x, y] = [Math.round(roll.from * roll.pixelsPerSecond * across), Math.round((this.limits[1] - this.range[1]) * this.rowHeight * down)];
      const [right, bottom] = [x + roll.plot * across, y + this.height * down];
      const [columns, rows] = [[Math.floor(x / wide), Math.floor(right / wide)], [Math.floor(y / high), Math.floor(bottom / high)]];
      pen.save();
      pen.setTransform(1, 0, 0, 1, Math.round(left * across) - x, Math.round(this.top * down) - y);
      for (let row = rows[0]; row <= rows[1]; row += 1) {
        for (let column = columns[0]; column <= columns[1]; column += 1) pen.drawImage(this.tile(column, row, roll, across, down), column * wide, row * high);
      }
      pen.restore();
      this.forgetTiles(3 * (columns[1] - columns[0] + 3) * (rows[1] - rows[0] + 1));
      this.beside = [columns[1] + 1, columns[0] - 1].flatMap((column) => Array.from({ length: rows[1] - rows[0] + 1 }, (_, row) => [column, rows[0] + row]));
      if (this.isAhead) return;
      this.isAhead = true;
      setTimeout(() => this.drawAhead(roll, across, down), 0);
    }
    // Draws the tiles beside the view, one between two frames, so that they are there when they come into view.
    drawAhead(roll, across, down) {
      this.isAhead = false;
      const next = this.beside.find(([column, row]) => !this.tiles.has(`${column} ${row}`));
      if (!next || !roll.canvas.isConnected) return;
      this.tile(...next, roll, across, down);
      this.isAhead = true;
      setTimeout(() => this.drawAhead(roll, across, down), 0);
    }
    tile(column, row, roll, across, down) {
      const key = `${column} ${row}`;
      const tile = this.tiles.get(key) ?? this.makeTile(column, row, roll, across, down);
      this.tiles.delete(key);
      this.tiles.set(key, tile);
      return tile;
    }
    // Leaves so many, those that were used last.
    forgetTiles(count) {
      for (const [key, tile] of this.tiles) {
        if (this.tiles.size <= count) break;
        tile.close();
        this.tiles.delete(key);
      }
    }
    makeTile(column, row, roll, across, down) {
      const [width, height] = tileSize;
      const canvas = new OffscreenCanvas(width, height);
      const pen = canvas.getContext("2d");
      pen.scale(across, down);
      const scale = roll.pixelsPerSecond;
      const [x, y] = [column * width / across, row * height / down];
      const [from, to] = [x / scale, (x + width / across) / scale];
      const top = this.limits[1] - y / this.rowHeight;
      const bottom = top - height / down / this.rowHeight;
      const rowHeight = Math.max(1.5, this.rowHeight - (this.rowHeight > 6 ? 1 : 0));
      const { parts } = roll.colours;
      for (const [part, { notes, reach }] of this.parts.entries()) {
        if (this.hidden.has(part)) continue;
        pen.fillStyle = parts[part % parts.length];
        // Of short notes that fall on one dot the first is drawn.
        const ends = new Float64Array(128).fill(-Infinity);
        let strength = -1;
        for (let index = after(reach, from - 2 / scale); index < notes.length && notes[index][0] < to; index += 1) {
          const [start, duration, pitch, velocity] = notes[index];
          if (pitch + 1 <= bottom || pitch >= top) continue;
          const [place, length] = [start * scale - x, duration * scale];
          if (place + length < ends[pitch]) continue;
          ends[pitch] = Math.max(ends[pitch], place + 0.7);
          if (velocity !== strength) pen.globalAlpha = 0.35 + 0.65 * velocity / 127;
          strength = velocity;
          pen.fillRect(place, (top - pitch - 1) * this.rowHeight, Math.max(1.5, length > 4 ? length - 1 : length), rowHeight);
        }
      }
      return canvas.transferToImageBitmap();
    }
    paintScale(pen, { colours }) {
      const [low, high] = this.range;
      pen.fillStyle = colours.white;
      pen.fillRect(0, this.top, left - 1, this.height);
      for (let pitch = Math.floor(low); pitch < high; pitch += 1) {
        const y = this.y(pitch + 1);
        if ([1, 3, 6, 8, 10].includes(pitch % 12)) {
          pen.fillStyle = colours.key;
          pen.fillRect(0, y, left * 0.6, this.rowHeight);
        } else if ([0, 5].includes(pitch % 12)) {
          pen.fillStyle = colours.edge;
          pen.fillRect(0, y + this.rowHeight - 0.5, left - 1, 0.75);
        }
        if (pitch % 12 === 0 || this.rowHeight >= 13) {
          pen.fillStyle = [1, 3, 6, 8, 10].includes(pitch % 12) ? colours.white : colours.key;
          pen.textAlign = "right";
          const inside = [1, 3, 6, 8, 10].includes(pitch % 12) ? left * 0.6 - 3 : left - 5;
          pen.fillText(pitchName(pitch), inside, y + this.rowHeight / 2 + 4);
        }
      }
    }
    at(second, y, perPixel) {
      const pitch = Math.floor(this.row(y));
      let found = null;
      for (const note of this.seen(second - 2 * perPixel, second + 2 * perPixel)) {
        if (note[2] === pitch && note[0] <= second + perPixel && Math.max(note[0] + note[1], note[0] + 3 * perPixel) >= second) found = note;
      }
      return found;
    }
    read(second, y, roll) {
      const note = this.at(second, y, 1 / roll.pixelsPerSecond);
      if (note) return roll.textOf(note);
      const pitch = clamp(Math.floor(this.row(y)), 0, 127);
      return [`${pitchName(pitch)} (${pitch})`, roll.textAt(second)].join(" · ");
    }
    get text() {
      const { notes, parts } = this.music;
      if (notes.length === 0) return "no notes";
      const pitches = notes.map((note) => note[2]);
      const [low, high] = [pitches.reduce((a, b) => Math.min(a, b)), pitches.reduce((a, b) => Math.max(a, b))];
      return `${page.many(notes.length, "note")} in ${page.many(parts.length, "part")}, ${pitchName(low)} to ${pitchName(high)}`;
    }
  }

  // When pedals are down: a row a pedal.
  class Pedals extends Lane {
    constructor(pedals) {
      const names = { 64: "sustain", 66: "sostenuto", 67: "soft" };
      const used = [...new Set(pedals.map((pedal) => pedal[0]))];
      super([0, used.length], 16 * used.length, used.length);
      Object.assign(this, { used, pedals, names });
    }
    paint(pen, roll) {
      roll.paintBars(pen, this);
      const { from, to } = roll;
      pen.fillStyle = roll.colours.soft;
      pen.globalAlpha = 0.6;
      for (const [controller, start, duration] of this.pedals) {
        if (start > to || start + duration < from) continue;
        const row = this.used.length - 1 - this.used.indexOf(controller);
        const width = duration * roll.pixelsPerSecond;
        pen.fillRect(roll.x(start), this.y(row + 1) + 3, Math.max(1, width > 3 ? width - 1 : width), this.rowHeight - 6);
      }
      pen.globalAlpha = 1;
    }
    paintScale(pen, { colours }) {
      pen.fillStyle = colours.soft;
      pen.textAlign = "right";
      for (const [index, controller] of this.used.entries()) {
        pen.fillText(this.names[controller], left - 4, this.y(this.used.length - index) + 12, left - 6);
      }
    }
    read(second, y, roll) {
      const controller = this.used[this.used.length - 1 - clamp(Math.floor(this.row(y)), 0, this.used.length - 1)];
      const isDown = this.pedals.some(([number, start, duration]) => number === controller && start <= second && second < start + duration);
      return `${this.names[controller]} pedal ${isDown ? "down" : "up"} · ${roll.textAt(second)}`;
    }
    get text() { return this.used.map((controller) => `${this.names[controller]} pedal`).join(", "); }
  }

  // Between nine points of viridis (van der Walt and Smith, 2015).
  const viridis = [[68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141], [39, 173, 129], [92, 200, 99], [170, 220, 50], [253, 231, 37]];
  const shades = Array.from({ length: 256 }, (_, level) => {
    const place = level / 255 * 8;
    const index = Math.min(7, Math.floor(place));
    return [0, 1, 2].map((channel) => Math.round(viridis[index][channel] + (place - index) * (viridis[index + 1][channel] - viridis[index][channel])));
  });

  // A feature: { name, rows, columns, values, frequencies, unit, low, high }, `seconds` a column.
  class Feature extends Lane {
    constructor(feature, seconds, height) {
      super([0, feature.rows], feature.name === "waveform" ? 90 : Math.min(height, 12 * feature.rows), Math.min(8, feature.rows));
      Object.assign(this, { feature, seconds, tiles: null });
    }
    // A pixel a cell, in pieces no wider than every browser's canvas.
    makeTiles() {
      const { rows, columns, values, low, high } = this.feature;
      this.tiles = [];
      for (let first = 0; first < columns; first += 4096) {
        const width = Math.min(4096, columns - first);
        const tile = document.createElement("canvas");
        Object.assign(tile, { width, height: rows });
        const pen = tile.getContext("2d");
        const image = pen.createImageData(width, rows);
        for (let row = 0; row < rows; row += 1) {
          for (let column = 0; column < width; column += 1) {
            const value = values[row * columns + first + column];
            const shade = shades[Math.round(clamp((value - low) / (high - low || 1), 0, 1) * 255)];
            image.data.set([...shade, 255], ((rows - 1 - row) * width + column) * 4);
          }
        }
        pen.putImageData(image, 0, 0);
        this.tiles.push({ tile, first, width });
      }
    }
    paint(pen, roll) {
      if (this.feature.name === "waveform") return this.paintWave(pen, roll);
      if (!this.tiles) this.makeTiles();
      const columnWidth = this.seconds * roll.pixelsPerSecond;
      pen.imageSmoothingEnabled = columnWidth * devicePixelRatio < 1;
      const [top, bottom] = [this.y(this.feature.rows), this.y(0)];
      for (const { tile, first, width } of this.tiles) {
        const x = roll.x(first * this.seconds);
        if (x < roll.width && x + width * columnWidth > left) pen.drawImage(tile, x, top, width * columnWidth, bottom - top);
      }
      return undefined;
    }
    paintWave(pen, roll) {
      const { columns, values } = this.feature;
      roll.paintBars(pen, this);
      pen.fillStyle = roll.colours.accent;
      const middle = this.top + this.height / 2;
      for (let x = left; x < roll.width; x += 1) {
        const first = Math.floor(roll.second(x) / this.seconds);
        const last = Math.max(first + 1, Math.floor(roll.second(x + 1) / this.seconds));
        let [most, least] = [-Infinity, Infinity];
        for (let column = Math.max(0, first); column < Math.min(last, columns); column += 1) {
          most = Math.max(most, values[column]);
          least = Math.min(least, values[columns + column]);
        }
        if (most >= least) pen.fillRect(x, middle - most * this.height / 2, 1, Math.max(1, (most - least) * this.height / 2));
      }
    }
    nameOf(row) {
      const { frequencies, name } = this.feature;
      if (frequencies) return `${short(frequencies[row])} Hz`;
      return name === "chroma" ? pitchName(row).slice(0, -2) : `row ${row}`;
    }
    paintScale(pen, { colours }) {
      const { frequencies, rows, name } = this.feature;
      pen.fillStyle = colours.soft;
      pen.textAlign = "right";
      let marks = Array.from({ length: rows }, (_, row) => [row + 0.5, this.nameOf(row)]);
      if (name === "waveform") marks = [[0, "−1"], [1, "0"], [2, "1"]];
      else if (frequencies) {
        marks = [50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000].flatMap((wanted) => {
          const row = frequencies.findIndex((one) => one >= wanted);
          return row < 1 ? [] : [[row + 0.5, wanted >= 1000 ? `${wanted / 1000} kHz` : `${wanted} Hz`]];
        });
      }
      let last = Infinity;
      for (const [row, text] of marks) {
        const y = clamp(this.y(row) + 4, this.top + 10, this.top + this.height - 2);
        if (row < this.range[0] || row > this.range[1] || y > last - 12) continue;
        pen.fillText(text, left - 5, y, left - 7);
        last = y;
      }
    }
    valueAt(second, row) {
      const { rows, columns, values, unit, name } = this.feature;
      const column = Math.floor(second / this.seconds);
      if (column < 0 || column >= columns) return null;
      if (name === "waveform") return `${short(values[columns + column])} to ${short(values[column])}`;
      const value = values[clamp(row, 0, rows - 1) * columns + column];
      return unit ? `${value.toFixed(1)} ${unit}` : short(value);
    }
    read(second, y, roll) {
      const row = clamp(Math.floor(this.row(y)), 0, this.feature.rows - 1);
      return this.readRow(second, row, roll);
    }
    readRow(second, row, roll) {
      const value = this.valueAt(second, row);
      const place = this.feature.name === "waveform" ? [] : [this.nameOf(row)];
      return [this.feature.name, ...place, ...(value === null ? [] : [value]), roll.textAt(second)].join(" · ");
    }
    get text() {
      const { name, rows, columns, frequencies } = this.feature;
      if (name === "waveform") return "waveform";
      return `${name} with ${whole(rows)} rows${frequencies ? ` from ${short(frequencies[0])} to ${short(frequencies[rows - 1])} Hz` : ""} and ${whole(columns)} columns`;
    }
  }
  return { Lane, Notes, Pedals, Feature, left, clamp, after };
})();
