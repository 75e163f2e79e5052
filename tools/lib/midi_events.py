"""Standard MIDI Files as far as the tools need them: the place of each event in a track, and programs replaced."""

import struct

DRUMS = 9
# Data bytes after each kind of channel message.
LENGTHS = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}
NOTE_ON, CONTROL, PROGRAM, META = 0x90, 0xB0, 0xC0, 0xFF
BANKS = (0, 32)


class MIDIError(Exception):
    """What is wrong, and at which byte."""

    def __init__(self, offset, what):
        super().__init__(f"byte {offset}: {what}")


def chunks(data):
    """(kind, first byte, end) of each chunk; what follows the last whole one is left out."""
    if data[:4] != b"MThd" or len(data) < 14:
        raise MIDIError(0, "not a MIDI file (it does not begin with MThd)")
    place = 0
    while place + 8 <= len(data):
        (length,) = struct.unpack(">I", data[place + 4:place + 8])
        end = min(place + 8 + length, len(data))
        yield bytes(data[place:place + 4]), place + 8, end
        place = end


def number(data, place, end):
    """A number of variable length, and the byte after it."""
    value = 0
    for count in range(4):
        if place >= end:
            break
        byte = data[place]
        place, value = place + 1, value << 7 | byte & 127
        if byte < 128:
            return value, place
    raise MIDIError(place, "a number that does not end")


def events(data, place, end):
    """(tick, status, first data byte, end of data) of each event of a track; for a meta event the first byte is its type."""
    tick, running = 0, None
    while place < end:
        delta, place = number(data, place, end)
        tick += delta
        if place >= end:
            raise MIDIError(place, "a track that ends within an event")
        status = data[place]
        if status < 0x80:
            if running is None:
                raise MIDIError(place, "an event without a status")
            status = running
        else:
            place += 1
        if status < 0xF0:
            running, after = status, place + LENGTHS[status & 0xF0]
        elif status in (0xF0, 0xF7, META):
            running = None
            length, start = number(data, place + (status == META), end)
            after = start + length
        else:
            raise MIDIError(place, f"a status of {status:#x}, which no file has")
        if after > end:
            raise MIDIError(place, "an event that reaches beyond its track")
        yield tick, status, place, after
        if status == META and data[place] == 0x2F:
            return
        place = after


def tracks(data):
    """The (first byte, end) of each track."""
    found = [(start, end) for kind, start, end in chunks(data) if kind == b"MTrk"]
    if not found:
        raise MIDIError(14, "no track")
    return found


def time_signatures(data):
    """(numerator, denominator) of each time signature."""
    for start, end in tracks(data):
        for _, status, place, _ in events(data, start, end):
            if status == META and data[place] == 0x58 and data[place + 1] >= 2:
                yield data[place + 2], 1 << data[place + 3]


def seconds(data):
    """How long a file lasts to its last event, with the tempi of all its tracks."""
    parts, tempi, last = tracks(data), [], 0
    (division,) = struct.unpack(">H", data[12:14])
    for start, end in parts:
        for tick, status, place, after in events(data, start, end):
            last = max(last, tick)
            if status == META and data[place] == 0x51 and after - place == 5:
                tempi.append((tick, int.from_bytes(data[place + 2:after], "big")))
    if division >> 15:
        # Frames per second, negative, and ticks per frame.
        return last / max(1, (256 - (division >> 8)) * (division & 255))
    total, before, length = 0.0, 0, 500_000
    for tick, tempo in [*sorted(tempi), (last, 0)]:
        total += (tick - before) * length / 1e6 / max(1, division)
        before, length = tick, tempo
    return total


def with_program(data, program):
    """The file with each channel but the drums' playing `program` of bank 0 from its beginning.

    Programs and banks of the other channels are replaced where they are set; where a channel plays before its first
    program is set, one is inserted at tick 0. A file of format 2 is one of independent tracks, and each gets its own.
    """
    out, whole = bytearray(data), []
    independent = data[8:10] == b"\0\2"
    parts = tracks(data)
    for track, (start, end) in enumerate(parts):
        for tick, status, place, _ in events(data, start, end):
            kind, channel = status & 0xF0, status & 0x0F
            if status >= 0xF0 or channel == DRUMS:
                continue
            if kind == PROGRAM:
                out[place] = program
                whole.append((track if independent else 0, tick, 0, channel))
            elif kind == CONTROL and data[place] in BANKS:
                out[place + 1] = 0
            elif kind == NOTE_ON and data[place + 1] > 0:
                whole.append((track if independent else 0, tick, 1, channel))
    # In the order of time, programs before notes of the same tick.
    settled, missing = set(), {}
    for track, _, is_note, channel in sorted(whole):
        if (track, channel) not in settled:
            settled.add((track, channel))
            if is_note:
                missing.setdefault(track, []).append(channel)
    for track in sorted(missing, reverse=True):
        start = parts[track][0]
        inserted = b"".join(bytes([0, PROGRAM | channel, program]) for channel in sorted(missing[track]))
        out[start:start] = inserted
        length = struct.unpack(">I", data[start - 4:start])[0] + len(inserted)
        out[start - 4:start] = struct.pack(">I", length)
    return bytes(out)
