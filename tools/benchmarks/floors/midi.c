// The floor of the MIDI path: a bare parser that knows notes only.
//
//   midi OUTPUT sparse|dense FILE…
//
// Read and hash each file; parse; lay the notes on a grid of 4 steps a beat; `sparse`: 8 bytes a note; `dense`: paint
// velocity and onset rolls, U8 [steps, 128]; hash and write; fsync. Each stage's seconds are told apart.
#include "floor.h"

struct note {
    uint32_t onset, offset;
    uint8_t pitch, velocity;
};

static inline uint32_t number(const uint8_t **at, const uint8_t *end) {
    uint32_t value = 0;
    while (*at < end) {
        uint8_t byte = *(*at)++;
        value = value << 7 | (byte & 127);
        if (byte < 128) break;
    }
    return value;
}

static struct note *notes;
static size_t note_count, note_room;

static void parse(const uint8_t *at, const uint8_t *file_end) {
    static uint32_t onsets[16][128];
    static uint8_t velocities[16][128];
    while (at + 8 <= file_end) {
        uint32_t length = (uint32_t)at[4] << 24 | at[5] << 16 | at[6] << 8 | at[7];
        int is_track = !memcmp(at, "MTrk", 4);
        at += 8;
        const uint8_t *end = length > (size_t)(file_end - at) ? file_end : at + length;
        if (is_track) {
            uint32_t time = 0;
            uint8_t status = 0;
            memset(velocities, 0, sizeof velocities);
            while (at < end) {
                time += number(&at, end);
                if (at >= end) break;
                if (*at & 128) status = *at++;
                if (status >= 0xF0) {
                    if (status == 0xFF) at++;
                    uint32_t skip = number(&at, end);
                    at += skip;
                    continue;
                }
                if (status >> 4 != 8 && status >> 4 != 9) {
                    at += status >> 4 == 12 || status >> 4 == 13 ? 1 : 2;
                    continue;
                }
                uint8_t channel = status & 15, pitch = at[0] & 127, velocity = at[1] & 127;
                at += 2;
                if (velocities[channel][pitch]) {
                    if (note_count == note_room)
                        notes = realloc(notes, (note_room = 2 * note_room + 4096) * sizeof *notes);
                    notes[note_count++] =
                        (struct note){onsets[channel][pitch], time, pitch, velocities[channel][pitch]};
                    velocities[channel][pitch] = 0;
                }
                if (status >> 4 == 9 && velocity) {
                    onsets[channel][pitch] = time;
                    velocities[channel][pitch] = velocity;
                }
            }
        }
        at = end;
    }
}

int main(int count, char **words) {
    if (count < 4) return 64;
    int is_dense = words[2][0] == 'd';
    unsigned char *bytes = NULL, *rolls = NULL;
    size_t room = 0, rolls_room = 0, all = 0, written = 0;
    double reading = 0, hashing = 0, parsing = 0, laying = 0, writing = 0;
    int output = open(words[1], O_CREAT | O_TRUNC | O_WRONLY, 0666);
    if (output < 0) fail(words[1]);
    double start = now(), used = cpu();
    for (int i = 3; i < count; i++) {
        double a = now();
        // A malformed number may lead the parser past the end by its last bytes.
        size_t size = read_file(words[i], &bytes, &room);
        double b = now();
        reading += b - a;
        hash(bytes, size);
        a = now();
        hashing += a - b;
        if (size < 14 || memcmp(bytes, "MThd", 4)) continue;
        note_count = 0;
        int division = bytes[12] << 8 | bytes[13];
        if (division == 0 || division > 32767) continue;
        parse(bytes + 14, bytes + size);
        all += note_count;
        b = now();
        parsing += b - a;
        double scale = 4.0 / division;
        size_t steps = 0, out = 0;
        for (size_t j = 0; j < note_count; j++) {
            notes[j].onset = notes[j].onset * scale + 0.5;
            notes[j].offset = notes[j].offset * scale + 0.5;
            if (notes[j].offset <= notes[j].onset) notes[j].offset = notes[j].onset + 1;
            if (notes[j].offset > steps) steps = notes[j].offset;
        }
        size_t wanted = is_dense ? steps * 256 : note_count * 8;
        if (wanted > rolls_room) rolls = realloc(rolls, rolls_room = 2 * wanted);
        if (is_dense) {
            memset(rolls, 0, wanted);
            unsigned char *onset = rolls + steps * 128;
            for (size_t j = 0; j < note_count; j++) {
                struct note n = notes[j];
                onset[n.onset * 128 + n.pitch] = n.velocity;
                for (uint32_t t = n.onset; t < n.offset; t++)
                    if (rolls[t * 128 + n.pitch] < n.velocity) rolls[t * 128 + n.pitch] = n.velocity;
            }
            out = wanted;
        } else {
            for (size_t j = 0; j < note_count; j++, out += 8) {
                uint16_t row[4] = {notes[j].onset, notes[j].offset - notes[j].onset, notes[j].pitch,
                                   notes[j].velocity};
                memcpy(rolls + out, row, 8);
            }
        }
        a = now();
        laying += a - b;
        hash(rolls, out);
        b = now();
        hashing += b - a;
        write_all(output, rolls, out);
        written += out;
        writing += now() - b;
    }
    double a = now();
    if (fsync(output) < 0) fail("fsync");
    writing += now() - a;
    printf("{\"seconds\": %.6f, \"cpu\": %.6f, \"notes\": %zu, \"bytes\": %zu, \"stages\": {\"read\": %.4f, "
           "\"hash\": %.4f, \"parse\": %.4f, \"lay\": %.4f, \"write\": %.4f}}\n",
           now() - start, cpu() - used, all, written, reading, hashing, parsing, laying, writing);
    return 0;
}
