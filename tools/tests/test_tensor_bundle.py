"""Reads bundles that are made here, and demands an error for each byte that is damaged."""

import os
import struct
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import musicnn_weights  # noqa: E402
import safetensors_file  # noqa: E402
import tensor_bundle  # noqa: E402
from tensor_bundle import Bundle, BundleError, crc32c, masked  # noqa: E402


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def block(entries, restart=2):
    """A block of a LevelDB table: keys share their beginnings, but for every `restart`th."""
    body, restarts, previous = bytearray(), [], b""
    for number, (key, value) in enumerate(entries):
        shared = 0
        if number % restart == 0:
            restarts.append(len(body))
        else:
            while shared < min(len(key), len(previous)) and key[shared] == previous[shared]:
                shared += 1
        body += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        previous = key
    return bytes(body) + struct.pack(f"<{len(restarts) + 1}I", *restarts, len(restarts))


def entry(dtype, shape, offset, data, checksum=None):
    dims = b"".join(b"\x12" + varint(len(size)) + size for size in (b"\x08" + varint(n) for n in shape))
    checksum = masked(crc32c(data)) if checksum is None else checksum
    out = b"\x08" + varint(dtype) + b"\x12" + varint(len(dims)) + dims
    return out + b"\x20" + varint(offset) + b"\x28" + varint(len(data)) + b"\x35" + struct.pack("<I", checksum)


def write(prefix, tensors, header=b"\x08\x01\x1a\x02\x08\x01", blocks=2, kind=0, magic=tensor_bundle.MAGIC):
    """A bundle of {name: (TensorFlow's type, shape, bytes)}."""
    data, entries = bytearray(), [(b"", header)]
    for name in sorted(tensors):
        dtype, shape, content = tensors[name]
        entries.append((name.encode(), entry(dtype, shape, len(data), content)))
        data += content
    table, handles = bytearray(), []

    def put(content):
        handle = varint(len(table)) + varint(len(content))
        tail = bytes([kind])
        table.extend(content + tail + struct.pack("<I", masked(crc32c(content + tail))))
        return handle

    size = -(-len(entries) // blocks)
    for start in range(0, len(entries), size):
        part = entries[start:start + size]
        handles.append((part[-1][0] + b"~", put(block(part))))
    meta = put(block([]))
    index = put(block(handles, restart=1))
    footer = meta + index
    table += footer + bytes(40 - len(footer)) + struct.pack("<Q", magic)
    with open(prefix + ".index", "wb") as file:
        file.write(table)
    with open(prefix + ".data-00000-of-00001", "wb") as file:
        file.write(data)


TENSORS = {
    "dense/bias": (1, [2], struct.pack("<2f", 1.5, -2)),
    "dense/kernel": (1, [3, 2], struct.pack("<6f", *range(6))),
    "step": (9, [], struct.pack("<q", 7)),
    "wide/names/share/beginnings": (1, [1, 50], struct.pack("<50f", *range(50))),
}


class BundleTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.prefix = os.path.join(folder.name, "toy")

    def read(self):
        bundle = Bundle(self.prefix)
        return {name: bundle.read(name) for name in bundle.names}

    def test_checksum(self):
        # RFC 3720, B.4, and one of odd length.
        self.assertEqual(crc32c(bytes(32)), 0x8A9136AA)
        self.assertEqual(crc32c(b"\xff" * 32), 0x62A8AB43)
        self.assertEqual(crc32c(bytes(range(32))), 0x46DD794E)
        self.assertEqual(crc32c(b"123456789"), 0xE3069283)

    def test_reads_what_was_written(self):
        names = {1: "F32", 9: "I64"}
        for blocks in (1, 2, 3):
            write(self.prefix, TENSORS, blocks=blocks)
            expected = {name: (names[dtype], shape, data) for name, (dtype, shape, data) in TENSORS.items()}
            self.assertEqual(self.read(), expected)

    def test_every_damaged_byte_is_found(self):
        write(self.prefix, TENSORS)
        for ending in (".index", ".data-00000-of-00001"):
            with open(self.prefix + ending, "rb") as file:
                good = file.read()
            # The footer has no checksum; of it the magic number and the places are checked below.
            for place in range(len(good) - (48 if ending == ".index" else 0)):
                damaged = bytearray(good)
                damaged[place] ^= 1 << place % 8
                with open(self.prefix + ending, "wb") as file:
                    file.write(damaged)
                if self.is_in_empty_block(good, place, ending):
                    continue
                with self.assertRaisesRegex(BundleError, f"toy.*{ending[1:6]}.*byte", msg=f"{ending}, byte {place}"):
                    self.read()
            with open(self.prefix + ending, "wb") as file:
                file.write(good)
        self.read()

    def is_in_empty_block(self, good, place, ending):
        """The block of further indexes is empty, and not read."""
        if ending != ".index":
            return False
        footer = good[-48:]
        start, shift, at = 0, 0, 0
        while True:
            start |= (footer[at] & 127) << shift
            at, shift = at + 1, shift + 7
            if footer[at - 1] < 128:
                break
        return start <= place < start + footer[at] + 5

    def test_shortened_files(self):
        write(self.prefix, TENSORS)
        for ending in (".index", ".data-00000-of-00001"):
            with open(self.prefix + ending, "rb") as file:
                good = file.read()
            for length in range(len(good)):
                with open(self.prefix + ending, "wb") as file:
                    file.write(good[:length])
                with self.assertRaises(BundleError, msg=f"{ending} of {length} bytes"):
                    self.read()
            with open(self.prefix + ending, "wb") as file:
                file.write(good)

    def test_what_is_not_read(self):
        for what, arguments in {
            "not the end of a table": {"magic": 5}, "compressed": {"kind": 1}, "data files": {"header": b"\x08\x02"},
            "highest byte first": {"header": b"\x08\x01\x10\x01"},
        }.items():
            write(self.prefix, TENSORS, **arguments)
            with self.assertRaisesRegex(BundleError, what):
                self.read()
        write(self.prefix, {"text": (7, [1], b"abc")})
        with self.assertRaisesRegex(BundleError, "type 7"):
            self.read()
        write(self.prefix, {"short": (1, [3], bytes(8))})
        with self.assertRaisesRegex(BundleError, "8 bytes for a tensor of 12"):
            self.read()


class ConversionTests(unittest.TestCase):
    def test_kernels_change_their_layout(self):
        shape = [2, 3, 4, 5]
        values = list(range(120))
        found_shape, data = musicnn_weights.transposed(shape, struct.pack("<120f", *values))
        self.assertEqual(found_shape, [5, 4, 2, 3])
        found = iter(struct.unpack("<120f", data))
        for out in range(5):
            for row in range(4):
                for y in range(2):
                    for x in range(3):
                        self.assertEqual(next(found), values[((y * 3 + x) * 4 + row) * 5 + out])
        self.assertEqual(
            musicnn_weights.transposed([3, 2], struct.pack("<6f", *range(6))), ([2, 3], struct.pack("<6f", 0, 2, 4, 1, 3, 5)))

    def test_a_network_and_what_is_left_out(self):
        with tempfile.TemporaryDirectory() as folder:
            tensors = {"beta1_power": (1, [], bytes(4))}
            for layer in musicnn_weights.VGG_LAYERS:
                kernel = [3, 3, 1, 2] if "CNN" in layer else [4, 50]
                parts = {"gamma": [2], "beta": [2], "moving_mean": [2], "moving_variance": [2]}
                if "norm" not in layer:
                    parts = {"kernel": kernel, "bias": kernel[-1:]}
                for part, shape in parts.items():
                    count = 1
                    for length in shape:
                        count *= length
                    tensors[f"{layer}/{part}"] = (1, shape, bytes(4 * count))
                    tensors[f"{layer}/{part}/Adam"] = tensors[f"{layer}/{part}"]
            write(os.path.join(folder, "vgg"), tensors)
            path = os.path.join(folder, "vgg.safetensors")
            provenance = {"source": "toy"}
            converted = musicnn_weights.convert(os.path.join(folder, "vgg"), "MTT_vgg", path, provenance)
            self.assertEqual(len(converted), 36)
            self.assertEqual(converted["conv3.weight"][1], [2, 1, 3, 3])
            self.assertEqual(converted["output.weight"][1], [50, 4])
            self.assertTrue(musicnn_weights.is_current(path, provenance))
            self.assertFalse(musicnn_weights.is_current(path, {"source": "other"}))
            with open(path, "r+b") as file:
                file.seek(-1, os.SEEK_END)
                file.write(b"\x01")
            self.assertFalse(musicnn_weights.is_current(path, provenance))
            del tensors["3CNN/kernel"]
            write(os.path.join(folder, "vgg"), tensors)
            with self.assertRaisesRegex(BundleError, "3CNN has no weight"):
                musicnn_weights.convert(os.path.join(folder, "vgg"), "MTT_vgg", path, provenance)

    def test_tags(self):
        for tags in musicnn_weights.TAGS.values():
            self.assertEqual(len(set(tags)), 50)

    def test_a_failed_write_leaves_the_old_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a.safetensors")
            safetensors_file.write(path, {"a": ("F32", [1], bytes(4))}, {})
            with open(path, "rb") as file:
                before = file.read()
            with self.assertRaises(ValueError):
                safetensors_file.write(path, {"a": ("F32", [2], bytes(4))}, {})
            with open(path, "rb") as file:
                self.assertEqual(file.read(), before)
            self.assertEqual(os.listdir(folder), ["a.safetensors"])


if __name__ == "__main__":
    unittest.main()
