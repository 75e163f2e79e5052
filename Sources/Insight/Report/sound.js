"use strict";
// Plays notes with WebAudio, and the sound of a file by an <audio> element; both start, stop
// and report their position alike. Everything is fetched from this server.
const Sound = (() => {
  let context = null;
  let current = null;
  let noise = null;

  // How each General MIDI family sounds: the form of the wave, how soon it dies (seconds to a tenth; 0: it does not), how
  // soon it sets in, its loudness, and how bright it is (harmonics that pass).
  const families = [
    ["triangle", 1.4, 0.004, 1, 9], ["sine", 0.9, 0.002, 1, 12], ["square", 0, 0.01, 0.32, 6], ["triangle", 0.9, 0.003, 1, 10],
    ["triangle", 1.2, 0.006, 1.3, 5], ["sawtooth", 0, 0.06, 0.34, 6], ["sawtooth", 0, 0.09, 0.3, 5], ["sawtooth", 0, 0.03, 0.38, 8],
    ["square", 0, 0.03, 0.3, 7], ["sine", 0, 0.04, 0.8, 9], ["square", 0, 0.01, 0.28, 8], ["sawtooth", 0, 0.15, 0.26, 4],
    ["sawtooth", 2, 0.1, 0.26, 5], ["triangle", 0.7, 0.003, 1, 11], ["sine", 0.4, 0.002, 1, 10], ["sine", 0.5, 0.01, 0.6, 6],
  ];

  function start() {
    context ??= new AudioContext();
    context.resume();
    return context;
  }
  function output() {
    const gain = context.createGain();
    const limiter = context.createDynamicsCompressor();
    gain.gain.value = 0.3;
    gain.connect(limiter).connect(context.destination);
    return gain;
  }
  function tone(out, at, duration, pitch, velocity, program) {
    const [form, decay, attack, loudness, harmonics] = families[Math.min(15, Math.floor(program / 8))];
    const frequency = 440 * 2 ** ((pitch - 69) / 12);
    const oscillator = new OscillatorNode(context, { type: form, frequency });
    const filter = new BiquadFilterNode(context, { type: "lowpass", frequency: Math.min(frequency * harmonics, 16000), Q: 0.3 });
    const gain = new GainNode(context, { gain: 0 });
    const peak = 0.5 * loudness * (velocity / 127) ** 1.5;
    const end = at + Math.max(duration, 0.03);
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(peak, at + attack);
    if (decay > 0) gain.gain.setTargetAtTime(peak * 0.05, at + attack, decay / 2.3);
    gain.gain.setTargetAtTime(0, end, 0.05);
    oscillator.connect(filter).connect(gain).connect(out);
    oscillator.start(at);
    oscillator.stop(end + 0.4);
  }
  function drum(out, at, pitch, velocity) {
    if (!noise) {
      noise = context.createBuffer(1, context.sampleRate, context.sampleRate);
      const samples = noise.getChannelData(0);
      for (let index = 0; index < samples.length; index += 1) samples[index] = Math.random() * 2 - 1;
    }
    const peak = 0.8 * (velocity / 127) ** 1.5;
    const gain = new GainNode(context, { gain: 0 });
    const low = pitch <= 36 || pitch === 41 || pitch === 43 || pitch === 45 || pitch === 47 || pitch === 48 || pitch === 50;
    const length = low ? 0.16 : pitch === 49 || pitch === 57 || pitch === 46 ? 0.5 : pitch === 38 || pitch === 40 ? 0.14 : 0.05;
    gain.gain.setValueAtTime(peak, at);
    gain.gain.exponentialRampToValueAtTime(0.001, at + length);
    gain.connect(out);
    if (low) {
      const oscillator = new OscillatorNode(context, { type: "sine", frequency: pitch <= 36 ? 110 : 80 + (pitch - 36) * 9 });
      oscillator.frequency.exponentialRampToValueAtTime(pitch <= 36 ? 45 : 60, at + length);
      oscillator.connect(gain);
      oscillator.start(at);
      oscillator.stop(at + length);
    } else {
      const source = new AudioBufferSourceNode(context, { buffer: noise });
      const filter = new BiquadFilterNode(context, { type: pitch === 38 || pitch === 40 ? "bandpass" : "highpass", frequency: pitch === 38 || pitch === 40 ? 1800 : 7000, Q: 0.6 });
      source.connect(filter).connect(gain);
      source.start(at, Math.random() * 0.4, length);
    }
  }

  // Notes are [start, duration, pitch, velocity, program, …], by their start. They are handed to WebAudio a second ahead;
  // those that sound already at `from` sound on.
  function playNotes(notes, isHeard, from, to, ended) {
    start();
    const out = output();
    const begin = context.currentTime + 0.08;
    let next = 0;
    let finished = false;
    const stop = () => {
      if (finished) return;
      finished = true;
      clearInterval(timer);
      out.gain.setTargetAtTime(0, context.currentTime, 0.02);
      setTimeout(() => out.disconnect(), 300);
    };
    const schedule = () => {
      const now = from + context.currentTime - begin;
      while (next < notes.length && notes[next][0] < Math.min(now + 1, to)) {
        const note = notes[next++];
        const at = Math.max(note[0], from);
        const duration = note[0] + note[1] - at;
        if (at < now - 0.2 || !isHeard(note) || (note[0] < from - 1e-6 && duration < 0.05)) continue;
        if (note[4] === 128) { if (note[0] >= from - 1e-6) drum(out, begin + at - from, note[2], note[3]); }
        else tone(out, begin + at - from, Math.min(duration, to - at), note[2], note[3], note[4]);
      }
      if (now > to) { stop(); ended(); }
    };
    const timer = setInterval(schedule, 50);
    schedule();
    return { stop, time: () => Math.max(0, context.currentTime - begin) };
  }
  // A file's sound from one second to another; the browser fetches what it needs of it.
  function playFile(address, from, to, ended, failed, begun = () => {}) {
    const audio = new Audio(address);
    let finished = false;
    const stop = () => { finished = true; audio.pause(); audio.removeAttribute("src"); audio.load(); };
    audio.addEventListener("error", () => { if (!finished) { finished = true; failed(); } });
    audio.addEventListener("loadedmetadata", () => { audio.currentTime = from; });
    audio.addEventListener("playing", () => { if (!finished) begun(); }, { once: true });
    audio.addEventListener("timeupdate", () => { if (!finished && audio.currentTime >= to) { stop(); ended(); } });
    audio.addEventListener("ended", () => { if (!finished) { stop(); ended(); } });
    audio.play().catch(() => {});
    return { stop, time: () => Math.max(0, audio.currentTime - from) };
  }
  // A file with its notes, which begin when it does.
  function playBoth(notes, isHeard, file, from, to, ended, failed) {
    let heard = null;
    const sound = playFile(file.address, file.start + from, file.start + to, () => { heard?.stop(); ended(); }, failed, () => {
      heard = playNotes(notes, isHeard, from + sound.time(), to, () => {});
    });
    return { stop: () => { sound.stop(); heard?.stop(); }, time: sound.time };
  }
  const stop = () => { if (current) { current.stop(); current = null; } };
  // Plays seconds `from` to `to` of `notes`, of a `file` (its address, and the second of it that is second 0), or of both.
  // Whatever was heard before stops. Returns what tells it from others: `Sound.current` is this as long as it is heard.
  function play({ notes = null, isHeard = () => true, file = null, from = 0, to }, ended = () => {}, failed = () => {}) {
    stop();
    const finish = (then) => () => { current = null; then(); };
    if (file && notes) current = playBoth(notes, isHeard, file, from, to, finish(ended), finish(failed));
    else if (file) current = playFile(file.address, file.start + from, file.start + to, finish(ended), finish(failed));
    else current = playNotes(notes, isHeard, from, to, finish(ended));
    return current;
  }
  return {
    stop,
    play,
    get current() { return current; },
    // Seconds since what is heard began; null in silence.
    get time() { return current ? current.time() : null; },
  };
})();
