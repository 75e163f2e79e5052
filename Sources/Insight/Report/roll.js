"use strict";
// Draws and plays what lies on one axis of time: notes with bars, tempo and pedals, and features of sound (lanes.js).
// Rolls that share an axis scroll and zoom together. All text reaches the page as text.
const Roll = (() => {
  const { element, pitchName, short, whole, clock } = page;
  const { left, clamp, after } = Lanes;
  const lineHeight = 15;

  // The stretch of time that is seen, in seconds, of all rolls that share it.
  class Axis {
    constructor(length) {
      Object.assign(this, { length, from: 0, to: length, rolls: new Set() });
    }
    show(from, to) {
      const size = clamp(to - from, Math.min(0.05, this.length), this.length);
      this.from = clamp(from, 0, this.length - size);
      this.to = this.from + size;
      this.draw();
    }
    draw() { for (const roll of this.rolls) roll.draw(); }
    zoom(factor, around) { this.show(around - (around - this.from) / factor, around + (this.to - around) / factor); }
    scroll(seconds) { this.show(this.from + seconds, this.to + seconds); }
  }

  const rolls = new WeakMap();

  class Roll {
    // `name` says what is shown; `length` in seconds; `offset` is the second of the source at which it begins, `shift` the
    // second of the axis at which it does. `music` is
    // as /api/notes gives it, `features` as `readFeatures` does, `sound` an address and the second of it at which the
    // picture begins. `follow` is called with the second that is heard while it plays, then once with null; `ended` when
    // it has played to its end; `fault` when a sound cannot be played.
    constructor(parent, { name, length, offset = 0, shift = 0, music = null, features = null, sound = null, axis = null, height = 260, follow = () => {}, ended = () => {}, fault = () => {} }) {
      Object.assign(this, { name, length, offset, shift, music, sound, follow, ended, fault, loop: null, chosen: null, lane: 0, cursor: [0, 0], playing: null });
      this.axis = axis ?? new Axis(Math.max(length, 0.05));
      this.listens = { notes: Boolean(music) && !sound, sound: Boolean(sound) };
      const hasMusic = Boolean(music && (music.notes.length > 0 || !features));
      this.notes = hasMusic ? new Lanes.Notes(music, height) : null;
      this.lanes = [
        ...(hasMusic ? [this.notes] : []),
        ...(hasMusic && music.pedals.length > 0 ? [new Lanes.Pedals(music.pedals)] : []),
        ...(features?.features ?? []).map((feature) => new Lanes.Feature(feature, features.seconds, height)),
      ];
      this.ruler = lineHeight * (music && music.bars.length > 0 ? 3 : 1) + 4;
      let top = this.ruler;
      for (const lane of this.lanes) {
        lane.top = top;
        top += lane.height + 6;
      }
      this.height = top - 6;
      this.build(parent);
      this.axis.rolls.add(this);
      this.resized = new ResizeObserver(() => this.draw());
      this.resized.observe(this.canvas);
      this.scheme = matchMedia("(prefers-color-scheme: dark)");
      this.redraw = () => {
        this.colours = null;
        this.draw();
      };
      this.scheme.addEventListener("change", this.redraw);
      addEventListener("resize", this.redraw);
      this.draw();
    }
    remove() {
      this.stop();
      this.axis.rolls.delete(this);
      this.resized.disconnect();
      this.scheme.removeEventListener("change", this.redraw);
      removeEventListener("resize", this.redraw);
      this.box.remove();
    }

    // MARK: Elements

    build(parent) {
      this.box = element("div", null, parent, { class: "roll" });
      this.buildTools();
      this.frame = element("div", null, this.box, { class: "roll-frame" });
      this.canvas = element("canvas", null, this.frame, { tabindex: "0", role: "application", "aria-label": this.summary, "aria-roledescription": "piano roll" });
      this.canvas.style.height = `${this.height}px`;
      this.head = element("div", null, this.frame, { class: "roll-head", hidden: "" });
      this.readout = element("p", "", this.box, { class: "roll-readout", role: "status", "aria-live": "polite" });
      if (this.notes) {
        this.table = element("details", null, this.box, { class: "roll-table" });
        element("summary", "notes as a table", this.table);
        this.table.addEventListener("toggle", () => this.fillTable());
      }
      rolls.set(this.canvas, this);
      this.listenToPointers();
      this.canvas.addEventListener("keydown", (event) => this.press(event));
    }
    buildTools() {
      const tools = element("div", null, this.box, { class: "roll-tools" });
      const button = (text, label, act, attributes = {}) => {
        const made = element("button", text, tools, { type: "button", "aria-label": label, title: label, ...attributes });
        made.addEventListener("click", act);
        return made;
      };
      const middle = () => (this.axis.from + this.axis.to) / 2;
      button("−", "see more time", () => this.axis.zoom(1 / 1.6, middle()));
      button("+", "see less time", () => this.axis.zoom(1.6, middle()));
      button("all", "see everything", () => this.showAll());
      this.loopButton = button("loop", "loop what is seen", () => this.setLoop(this.loop ? null : this.seen), { "aria-pressed": "false" });
      if (this.music && this.sound) {
        const label = element("label", "sound ", tools);
        const select = element("select", null, label);
        for (const [value, text] of [["sound", "recording"], ["notes", "notes"], ["both", "both"]]) element("option", text, select, { value });
        select.addEventListener("change", () => {
          this.listens = { notes: select.value !== "sound", sound: select.value !== "notes" };
          if (this.heard !== null) this.play(this.heard);
        });
      }
      if (!this.notes) return;
      for (const [part, [name, instrument]] of this.music.parts.entries()) {
        const made = element("button", null, tools, { type: "button", class: "roll-part", "aria-pressed": "true" });
        element("i", null, made).style.background = `var(--part-${part % 10})`;
        element("bdi", this.notes.parts.length > 1 && name !== instrument ? `${name}, ${instrument}` : instrument, made);
        made.title = "hide and silence";
        made.addEventListener("click", () => {
          const isHidden = !this.notes.hidden.delete(part);
          if (isHidden) this.notes.hidden.add(part);
          made.setAttribute("aria-pressed", String(!isHidden));
          this.draw();
        });
      }
    }
    get summary() {
      const bars = this.music?.bars.length > 1 ? [`bars ${this.music.bar} to ${this.music.bar + this.music.bars.length - 2}`] : [];
      return [this.name, ...this.lanes.map((lane) => lane.text), ...bars, `${short(this.length)} seconds`].join("; ");
    }
    showAll() {
      for (const lane of this.lanes) lane.show(...lane.limits);
      this.axis.show(0, this.axis.length);
    }
    // The notes in view, those of hidden parts left out.
    fillTable() {
      if (!this.table?.open) return;
      this.table.querySelector("div")?.remove();
      const most = 200;
      const seen = [...this.notes.seen(this.from, this.to)].sort((one, other) => one[0] - other[0] || one[2] - other[2]);
      const box = element("div", null, this.table, { tabindex: "0", "aria-label": "notes in view" });
      if (seen.length > most) element("p", `The first ${most} of the ${whole(seen.length)} notes in view. Zoom in or scroll to see others.`, box);
      const body = page.table(box, ["bar", "beat", "second", "length, s", "pitch", "velocity", "program", "part"]);
      for (const note of seen.slice(0, most)) {
        const place = this.place(note[0]);
        const row = element("tr", null, body);
        const cells = [place?.bar ?? "–", place?.beat.toFixed(2) ?? "–", (this.offset + note[0]).toFixed(3), note[1].toFixed(3), `${pitchName(note[2])} (${note[2]})`, note[3], `${this.music.parts[note[5]][1]} (${note[4]})`, this.music.parts[note[5]][0]];
        for (const cell of cells) element("td", cell, row);
      }
    }

    // MARK: Time

    // What is seen, in its own seconds: another roll on the axis may begin sooner or end later.
    get from() { return this.axis.from - this.shift; }
    get to() { return this.axis.to - this.shift; }
    get seen() { return [Math.max(0, this.from), Math.min(this.length, this.to)]; }
    x(second) { return left + (second - this.from) * this.pixelsPerSecond; }
    second(x) { return this.from + (x - left) / this.pixelsPerSecond; }
    get pixelsPerSecond() { return this.plot / (this.axis.to - this.axis.from); }
    // The bar and the beat of a second; null where no bars are known.
    place(second) {
      const { beats, bars, bar } = this.music ?? { beats: [] };
      const index = after(beats, second + 1e-4) - 1;
      if (index < 0 || beats.length < 2) return null;
      const line = after(bars, index) - 1;
      const length = index + 1 < beats.length ? beats[index + 1] - beats[index] : beats[index] - beats[index - 1];
      return { bar: bar + line, beat: 1 + index - bars[line] + Math.max(0, second - beats[index]) / length };
    }
    textAt(second) {
      const place = this.place(second);
      return [...(place ? [`bar ${place.bar}, beat ${place.beat.toFixed(2)}`] : []), `${(this.offset + second).toFixed(3)} s`].join(" · ");
    }
    textOf([start, duration, pitch, velocity, program, part]) {
      const [name, instrument] = this.music.parts[part];
      return `${pitchName(pitch)} (${pitch}) · velocity ${velocity} · ${instrument} (${program}) · ${name} · ${this.textAt(start)}, ${duration.toFixed(3)} s long`;
    }

    // MARK: Drawing

    draw() {
      if (this.isWaiting) return;
      this.isWaiting = true;
      requestAnimationFrame(() => {
        this.isWaiting = false;
        this.paint();
      });
    }
    readColours() {
      const style = getComputedStyle(this.canvas);
      const value = (name) => style.getPropertyValue(`--${name}`).trim();
      this.colours = {
        ink: value("ink"), soft: value("soft"), line: value("line"), accent: value("accent"), paper: value("paper"), black: value("roll-row"),
        white: value("roll-white"), key: value("roll-key"), edge: value("roll-edge"), bar: value("roll-bar"), parts: Array.from({ length: 10 }, (_, part) => value(`part-${part}`)),
      };
    }
    paint() {
      const started = performance.now();
      this.width = this.canvas.clientWidth;
      if (this.width <= left) return;
      this.plot = this.width - left;
      const scale = devicePixelRatio;
      const [width, height] = [Math.round(this.width * scale), Math.round(this.height * scale)];
      if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
      if (!this.colours) this.readColours();
      const pen = this.canvas.getContext("2d");
      pen.setTransform(width / this.width, 0, 0, height / this.height, 0, 0);
      pen.font = "11px system-ui, sans-serif";
      pen.fillStyle = this.colours.paper;
      pen.fillRect(0, 0, this.width, this.height);
      this.paintRuler(pen);
      const within = (x, y, wide, high, body) => {
        pen.save();
        pen.beginPath();
        pen.rect(x, y, wide, high);
        pen.clip();
        body();
        pen.restore();
      };
      for (const lane of this.lanes) {
        within(left, lane.top, this.plot, lane.height, () => lane.paint(pen, this));
        within(0, lane.top, left, lane.height, () => lane.paintScale(pen, this));
      }
      if (this.loop) {
        within(left, 0, this.plot, this.height, () => {
          const [from, to] = this.loop.map((second) => this.x(second));
          pen.fillStyle = this.colours.accent;
          pen.globalAlpha = 0.13;
          pen.fillRect(from, 0, to - from, this.height);
          pen.globalAlpha = 1;
          pen.fillRect(from, 0, to - from, 3);
        });
      }
      this.placeHead();
      this.drawTime = performance.now() - started;
      if (this.table?.open) {
        clearTimeout(this.tableTimer);
        this.tableTimer = setTimeout(() => this.fillTable(), 200);
      }
    }
    // The bars in view that are some way apart, so that their lines or numbers can be told apart.
    *barsInView(least) {
      const { beats, bars } = this.music;
      const { from, to } = this;
      const first = Math.max(0, after(bars, after(beats, from) - 1) - 1);
      let last = first;
      while (last < bars.length && beats[bars[last]] < to) last += 1;
      let step = 1;
      while (last - first > step * this.plot / least) step *= 2;
      for (let index = Math.ceil(first / step) * step; index < last; index += step) yield [index, this.x(beats[bars[index]])];
    }
    paintBars(pen, lane) {
      if (!this.music || this.music.bars.length === 0) return;
      const { beats } = this.music;
      const [first, last] = [Math.max(0, after(beats, this.from) - 1), after(beats, this.to)];
      if ((last - first) * 12 < this.plot) {
        pen.fillStyle = this.colours.line;
        for (let index = first; index < last; index += 1) pen.fillRect(this.x(beats[index]) - 0.5, lane.top, 1, lane.height);
      }
      pen.fillStyle = this.colours.bar;
      for (const [, x] of this.barsInView(8)) pen.fillRect(x - 0.5, lane.top, 1, lane.height);
    }
    paintRuler(pen) {
      const { ink, soft, bar } = this.colours;
      const { from, to } = this;
      pen.textAlign = "left";
      let y = 12;
      if (this.music && this.music.bars.length > 0) {
        const { beats, bars, signatures, tempi } = this.music;
        // Signatures and tempi as far as there is room; those in force are at the left.
        const marks = [
          ...signatures.map(([index, text]) => [beats[bars[index]], text]),
          ...tempi.map(([second, tempo]) => [second, `♩ ${short(Math.round(tempo * 10) / 10)}`]),
        ].sort((one, other) => one[0] - other[0]);
        const start = Math.max(from, 0);
        const before = (kind) => marks.filter(([second, text]) => second <= start && text.startsWith("♩") === kind).pop();
        const shown = [before(false), before(true), ...marks.filter(([second]) => second > start && second < to)];
        let free = left;
        pen.fillStyle = soft;
        for (const mark of shown) {
          if (!mark) continue;
          const x = Math.max(left, this.x(mark[0]));
          if (mark[0] > start && x < free) continue;
          const place = Math.max(x, free);
          pen.fillText(mark[1], place, y);
          free = place + pen.measureText(mark[1]).width + 8;
        }
        y += lineHeight;
        pen.fillStyle = ink;
        for (const [index, x] of this.barsInView(34)) {
          if (x >= left - 1) pen.fillText(String(this.music.bar + index), x + 3, y);
        }
        pen.fillStyle = soft;
        pen.fillText("bar", 4, y);
        y += lineHeight;
      }
      pen.fillStyle = soft;
      pen.fillText(this.axis.length >= 100 ? "time" : "s", 4, y);
      const step = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600].find((one) => one * this.pixelsPerSecond >= 64) ?? 7200;
      const digits = step >= 1 ? 0 : step >= 0.1 ? 1 : 2;
      for (let second = Math.ceil((this.offset + from) / step) * step; second <= this.offset + to; second += step) {
        const x = this.x(second - this.offset);
        if (second < this.offset - 1e-6) continue;
        pen.fillStyle = bar;
        pen.fillRect(x - 0.5, y - 10, 1, 13);
        pen.fillStyle = soft;
        const text = this.offset + this.length >= 100 && digits === 0 ? clock(second + 1e-6) : second.toFixed(digits);
        if (x + pen.measureText(text).width < this.width) pen.fillText(text, x + 3, y);
      }
    }

    // MARK: Pointers

    // The readout; only what keys ask for is spoken.
    say(text, isSpoken) {
      this.readout.setAttribute("aria-live", isSpoken ? "polite" : "off");
      this.readout.textContent = text;
    }
    laneAt(y) { return this.lanes.find((lane) => y >= lane.top && y < lane.top + lane.height) ?? null; }
    readAt(x, y) {
      const lane = this.laneAt(y);
      const second = this.second(x);
      const note = lane === this.notes && lane && x >= left ? lane.at(second, y, 1 / this.pixelsPerSecond) : null;
      if (note !== this.chosen) {
        this.chosen = note;
        this.draw();
      }
      this.say(lane && x >= left ? lane.read(second, y, this) : "", false);
    }
    listenToPointers() {
      const { canvas, axis } = this;
      const pointers = new Map();
      let drag = null;
      const spread = () => {
        const [one, other] = [...pointers.values()];
        return { x: (one[0] + other[0]) / 2, y: (one[1] + other[1]) / 2, wide: Math.abs(one[0] - other[0]), high: Math.abs(one[1] - other[1]) };
      };
      canvas.addEventListener("pointerdown", (event) => {
        if (event.button !== 0) return;
        canvas.setPointerCapture(event.pointerId);
        pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
        const isRange = event.offsetY < this.ruler || event.shiftKey;
        if (pointers.size === 1) drag = { start: [event.offsetX, event.offsetY], last: [event.offsetX, event.offsetY], from: this.second(event.offsetX), isRange, hasMoved: false, lane: this.laneAt(event.offsetY) };
        else if (pointers.size === 2) drag = { ...drag, hasMoved: true, spread: spread() };
      });
      canvas.addEventListener("pointermove", (event) => {
        const here = [event.offsetX, event.offsetY];
        if (!pointers.has(event.pointerId)) return this.readAt(...here);
        pointers.set(event.pointerId, here);
        if (!drag) return undefined;
        if (pointers.size === 2) return this.pinch(drag, spread());
        drag.hasMoved ||= Math.hypot(here[0] - drag.start[0], here[1] - drag.start[1]) > 4;
        if (!drag.hasMoved) return undefined;
        if (drag.isRange) {
          const ends = [drag.from, this.second(here[0])].map((second) => clamp(second, 0, this.length));
          this.setLoop([Math.min(...ends), Math.max(...ends)], false);
        } else {
          axis.scroll((drag.last[0] - here[0]) / this.pixelsPerSecond);
          drag.lane?.scroll((here[1] - drag.last[1]) / drag.lane.rowHeight);
          drag.last = here;
        }
        return undefined;
      });
      const release = (event, isDone) => {
        if (!pointers.delete(event.pointerId) || !drag) return;
        if (isDone && !drag.hasMoved && event.offsetX >= left) {
          this.readAt(event.offsetX, event.offsetY);
          const second = clamp(this.second(event.offsetX), 0, this.length);
          if (drag.isRange && this.loop && (second < this.loop[0] || second > this.loop[1])) this.setLoop(null);
          this.play(second);
        } else if (drag.isRange && drag.hasMoved) this.setLoop(this.loop && this.loop[1] - this.loop[0] > 0.02 ? this.loop : null);
        drag = pointers.size > 0 ? { ...drag, last: [...pointers.values()][0], spread: null } : null;
      };
      canvas.addEventListener("pointerup", (event) => release(event, true));
      canvas.addEventListener("pointercancel", (event) => release(event, false));
      canvas.addEventListener("pointerleave", () => {
        if (pointers.size > 0) return;
        this.chosen = null;
        this.say("", false);
        this.draw();
      });
      canvas.addEventListener("wheel", (event) => this.turnWheel(event), { passive: false });
    }
    pinch(drag, now) {
      const old = drag.spread ?? now;
      const around = this.second(old.x) + this.shift;
      if (old.wide > 30 && now.wide > 10) this.axis.zoom(now.wide / old.wide, around);
      this.axis.scroll((old.x - now.x) / this.pixelsPerSecond);
      if (drag.lane) {
        if (old.high > 50 && now.high > 10) drag.lane.zoom(now.high / old.high, drag.lane.row(old.y));
        drag.lane.scroll((now.y - old.y) / drag.lane.rowHeight);
        this.axis.draw();
      }
      drag.spread = now;
    }
    // Ctrl: zoom in time; Alt: zoom in pitch; Shift or sideways: scroll in time; else scroll in pitch, at whose ends the
    // page scrolls.
    turnWheel(event) {
      const pixels = (delta) => delta * [1, 16, 200][event.deltaMode];
      const lane = this.laneAt(event.offsetY);
      const factor = 2 ** clamp(-pixels(event.deltaY) / 200, -1, 1);
      if (event.ctrlKey || event.metaKey) this.axis.zoom(factor, this.second(event.offsetX) + this.shift);
      else if (event.altKey && lane) {
        lane.zoom(factor, lane.row(event.offsetY));
        this.axis.draw();
      } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        this.axis.scroll(pixels(event.shiftKey && event.deltaX === 0 ? event.deltaY : event.deltaX) / this.pixelsPerSecond);
      } else {
        const before = lane?.range[0];
        lane?.scroll(-pixels(event.deltaY) / lane.rowHeight);
        if (!lane || lane.range[0] === before) return;
        this.axis.draw();
      }
      event.preventDefault();
      this.readAt(event.offsetX, event.offsetY);
    }

    // MARK: Keys

    press(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const { axis } = this;
      const lane = this.lanes[this.lane];
      const size = axis.to - axis.from;
      const around = this.chosen ? this.chosen[0] + this.shift : (axis.from + axis.to) / 2;
      const keys = {
        ArrowLeft: () => this.move(-1, 0), ArrowRight: () => this.move(1, 0), ArrowUp: () => this.move(0, 1), ArrowDown: () => this.move(0, -1),
        "Shift ArrowLeft": () => axis.scroll(-size / 4), "Shift ArrowRight": () => axis.scroll(size / 4),
        "Shift ArrowUp": () => lane.zoom(1.3, (lane.range[0] + lane.range[1]) / 2), "Shift ArrowDown": () => lane.zoom(1 / 1.3, (lane.range[0] + lane.range[1]) / 2),
        "+": () => axis.zoom(1.6, around), "=": () => axis.zoom(1.6, around), "-": () => axis.zoom(1 / 1.6, around),
        0: () => this.showAll(), Home: () => axis.show(0, size), End: () => axis.show(axis.length - size, axis.length),
        PageUp: () => lane.scroll(12), PageDown: () => lane.scroll(-12),
        Enter: () => this.play(this.chosen ? this.chosen[0] : this.lanes[this.lane] === this.notes ? this.seen[0] : this.cursor[0]),
        l: () => this.setLoop(this.loop ? null : this.seen), v: () => this.nextLane(),
      };
      const act = keys[(event.shiftKey && event.key.length > 1 ? "Shift " : "") + event.key];
      if (!act) return;
      event.preventDefault();
      event.stopPropagation();
      act();
      axis.draw();
    }
    // Steps through notes in order, or over a feature's cells, and tells what is there.
    move(sideways, upwards) {
      const lane = this.lanes[this.lane];
      if (lane === this.notes) {
        const list = [...lane.music.notes.keys()].filter((index) => !lane.hidden.has(lane.music.notes[index][5]));
        const notes = list.map((index) => lane.music.notes[index]);
        let at = notes.indexOf(this.chosen);
        if (at < 0) at = notes.findIndex((note) => note[0] >= this.from - 1e-6) - (sideways > 0 || upwards !== 0 ? 1 : 0);
        if (upwards === 0) at += sideways;
        else {
          // The next higher or lower note that sounds with this one.
          const now = notes[at] ?? notes[0];
          const others = [...lane.seen(now[0], now[0] + Math.max(now[1], 0.01))].filter((note) => (note[2] - now[2]) * upwards > 0);
          others.sort((one, other) => (one[2] - other[2]) * upwards);
          at = notes.indexOf(others[0] ?? now);
        }
        const note = notes[clamp(at, 0, notes.length - 1)];
        if (!note) return this.say("no notes", true);
        this.chosen = note;
        this.reveal(note[0]);
        if (note[2] < lane.range[0]) lane.scroll(note[2] - lane.range[0]);
        if (note[2] + 1 > lane.range[1]) lane.scroll(note[2] + 1 - lane.range[1]);
        return this.say(this.textOf(note), true);
      }
      if (!lane) return undefined;
      const step = lane.seconds ?? this.axis.length / 100;
      this.cursor = [clamp(this.cursor[0] + sideways * step, 0, this.length), clamp(this.cursor[1] + upwards, 0, lane.limits[1] - 1)];
      this.reveal(this.cursor[0]);
      return this.say(lane.readRow ? lane.readRow(this.cursor[0], this.cursor[1], this) : lane.read(this.cursor[0], lane.y(this.cursor[1] + 0.5), this), true);
    }
    nextLane() {
      this.lane = (this.lane + 1) % this.lanes.length;
      this.chosen = null;
      this.cursor[1] = clamp(this.cursor[1], 0, this.lanes[this.lane].limits[1] - 1);
      this.say(this.lanes[this.lane].text, true);
    }
    reveal(second) {
      const { axis } = this;
      const [place, size] = [second + this.shift, axis.to - axis.from];
      if (place < axis.from || place > axis.to - size / 20) axis.show(place - size / 10, place + size * 9 / 10);
    }

    // MARK: Playing

    // The second that is heard; null in silence.
    get heard() { return this.playing && Sound.current === this.playing.handle ? this.playing.from + this.playing.handle.time() : null; }
    setLoop(range, isDone = true) {
      this.loop = range;
      this.loopButton.setAttribute("aria-pressed", String(Boolean(range)));
      this.loopButton.textContent = range ? `loop ${(this.offset + range[0]).toFixed(1)}–${(this.offset + range[1]).toFixed(1)} s ✕` : "loop";
      this.draw();
      const second = this.heard;
      if (isDone && second !== null) this.play(range && (second < range[0] || second > range[1]) ? range[0] : second);
    }
    // Plays from a second to the end, or around the loop.
    play(from = this.loop ? this.loop[0] : 0) {
      const to = this.loop && from < this.loop[1] - 0.01 ? this.loop[1] : this.length;
      const handle = Sound.play({
        notes: this.listens.notes ? this.music.notes : null, isHeard: (note) => !this.notes.hidden.has(note[5]),
        file: this.listens.sound ? this.sound : null, from, to,
      }, () => {
        if (this.loop) this.play();
        else this.ended();
      }, this.fault);
      const isFollowing = this.playing !== null;
      this.playing = { handle, from };
      if (!isFollowing) this.watch();
    }
    stop() { if (this.heard !== null) Sound.stop(); }
    toggle() {
      if (this.heard === null) this.play();
      else this.stop();
    }
    watch() {
      const second = this.heard;
      if (second === null) this.playing = null;
      else if (second > this.to - (this.to - this.from) / 20 && this.axis.to < this.axis.length - 1e-6 && second <= this.to + 1) this.reveal(second);
      this.placeHead();
      this.follow(second);
      if (second !== null) requestAnimationFrame(() => this.watch());
    }
    placeHead() {
      const second = this.heard;
      const x = second === null ? -1 : this.x(Math.min(second, this.length));
      this.head.hidden = x < left || x > this.width;
      if (!this.head.hidden) this.head.style.transform = `translateX(${x}px)`;
    }

    // The roll of a canvas.
    static of(canvas) { return rolls.get(canvas); }
  }

  // The answer of /api/features: a line of JSON, then the values of all features as F32.
  Roll.readFeatures = (buffer) => {
    const end = new Uint8Array(buffer).indexOf(10);
    const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 0, end)));
    let place = end + 1;
    for (const feature of head.features) {
      const size = 4 * feature.rows * feature.columns;
      feature.values = new Float32Array(buffer.slice(place, place + size));
      place += size;
    }
    return head;
  };
  // Lanes of one kind show the same rows, and scroll and zoom together.
  Roll.joinRows = (all) => {
    const lanes = new Map();
    for (const lane of all.flatMap((roll) => roll.lanes)) {
      const kind = `${lane.constructor.name} ${lane.feature?.name} ${lane.feature?.rows} ${lane.used}`;
      lanes.set(kind, [...(lanes.get(kind) ?? []), lane]);
    }
    for (const alike of lanes.values()) Lanes.Lane.join(alike);
  };
  Roll.Axis = Axis;
  return Roll;
})();
