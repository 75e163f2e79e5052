"""Reads a TensorFlow tensor bundle without TensorFlow, and checks every checksum in it.

A bundle is `<prefix>.index`, a table as LevelDB writes it, and `<prefix>.data-00000-of-00001`, raw numbers. The table's
first entry, under the empty name, is the header; each other entry is a tensor: its type, shape, place and checksum. The
formats: LevelDB's doc/table_format.md, TensorFlow's core/protobuf/tensor_bundle.proto, and RFC 3720 (CRC-32C).
"""

import array
import os
import struct
import sys

MAGIC = 0xDB4775248B80FB57
FOOTER = 48
# TensorFlow's numbers of types, as safetensors calls them; others are refused.
TYPES = {1: ("F32", 4), 2: ("F64", 8), 3: ("I32", 4), 9: ("I64", 8), 10: ("BOOL", 1)}
POLYNOMIAL = 0x82F63B78


class BundleError(Exception):
    """What is wrong in which file, at which byte."""

    def __init__(self, path, offset, what):
        super().__init__(f"{path}, byte {offset}: {what}")


def _bytes_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


_BYTES = _bytes_table()
# Two bytes at a time, the lower one first.
_WORDS = [_BYTES[_BYTES[word & 255] & 255 ^ word >> 8] ^ _BYTES[word & 255] >> 8 for word in range(65536)]


def crc32c(data):
    """CRC-32C, Castagnoli's, of bytes."""
    crc = 0xFFFFFFFF
    even = len(data) & ~1
    words = array.array("H", bytes(data[:even]))
    if sys.byteorder == "big":
        words.byteswap()
    table = _WORDS
    for word in words:
        crc = table[(crc ^ word) & 65535] ^ crc >> 16
    for byte in data[even:]:
        crc = _BYTES[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def masked(crc):
    """A checksum as LevelDB stores it, so that checksums of data that hold checksums stay good."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


class _Bytes:
    """A stretch of a file that is read from its beginning; each read beyond its end is an error that names the byte."""

    def __init__(self, path, data, start=0):
        self.path, self.data, self.start, self.place = path, data, start, 0

    def __bool__(self):
        return self.place < len(self.data)

    def error(self, what):
        return BundleError(self.path, self.start + self.place, what)

    def take(self, count):
        if count > len(self.data) - self.place:
            raise self.error(f"{count} bytes are needed, and {len(self.data) - self.place} are left")
        self.place += count
        return self.data[self.place - count:self.place]

    def varint(self):
        value = 0
        for shift in range(0, 70, 7):
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise self.error("a number of more than 10 bytes")

    def fields(self):
        """The fields of a protobuf message: their numbers, with an integer or bytes."""
        while self:
            key = self.varint()
            number, kind = key >> 3, key & 7
            if kind == 0:
                yield number, self.varint()
            elif kind == 1:
                yield number, int.from_bytes(self.take(8), "little")
            elif kind == 2:
                yield number, self.take(self.varint())
            elif kind == 5:
                yield number, int.from_bytes(self.take(4), "little")
            else:
                raise self.error(f"a field of kind {kind}")


class Table:
    """The entries of a LevelDB table, checked: `entries` is a list of (key, value, byte of the value in the file)."""

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as file:
            self.data = file.read()
        if len(self.data) < FOOTER:
            raise BundleError(path, 0, f"{len(self.data)} bytes, and a footer alone has {FOOTER}")
        footer = _Bytes(path, self.data[-FOOTER:], len(self.data) - FOOTER)
        (magic,) = struct.unpack("<Q", self.data[-8:])
        if magic != MAGIC:
            raise BundleError(path, len(self.data) - 8, f"not the end of a table (magic number {magic:#x})")
        footer.varint(), footer.varint()  # the block of further indexes, which TensorFlow leaves empty
        index = self.block(footer.varint(), footer.varint())
        self.entries = []
        for _, handle, place in index:
            reader = _Bytes(path, handle, place)
            self.entries += self.block(reader.varint(), reader.varint())

    def block(self, offset, size):
        """The entries of one block, after its checksum."""
        if offset + size + 5 > len(self.data) - FOOTER:
            raise BundleError(self.path, offset, f"a block of {size} bytes reaches beyond the file")
        content, tail = self.data[offset:offset + size], self.data[offset + size:offset + size + 5]
        if masked(crc32c(content + tail[:1])) != int.from_bytes(tail[1:], "little"):
            raise BundleError(self.path, offset, f"the checksum of a block of {size} bytes is wrong")
        if tail[0] != 0:
            raise BundleError(self.path, offset + size, f"a compressed block (kind {tail[0]}), which is not read here")
        if size < 4:
            raise BundleError(self.path, offset, f"a block of {size} bytes")
        restarts = 4 * int.from_bytes(content[-4:], "little") + 4
        if restarts > size:
            raise BundleError(self.path, offset + size - 4, "more restart points than the block can hold")
        reader, key, entries = _Bytes(self.path, content[:-restarts], offset), b"", []
        while reader:
            shared, own, length = reader.varint(), reader.varint(), reader.varint()
            if shared > len(key):
                raise reader.error(f"a key shares {shared} bytes with one of {len(key)}")
            key = key[:shared] + reader.take(own)
            place = offset + reader.place
            entries.append((key, reader.take(length), place))
        return entries


class Bundle:
    """The tensors of a bundle by name. `names` lists them; `read` gives one."""

    def __init__(self, prefix):
        self.index_path, self.data_path = prefix + ".index", prefix + ".data-00000-of-00001"
        entries = Table(self.index_path).entries
        if not entries or entries[0][0] != b"":
            raise BundleError(self.index_path, 0, "the first entry is not a bundle's header")
        header = dict(_Bytes(self.index_path, entries[0][1], entries[0][2]).fields())
        if header.get(1, 0) != 1:
            raise BundleError(self.index_path, entries[0][2], f"{header.get(1, 0)} data files, and only one is read")
        if header.get(2, 0) != 0:
            raise BundleError(self.index_path, entries[0][2], "numbers with the highest byte first")
        self.places = {key.decode(): self._entry(value, place) for key, value, place in entries[1:]}
        self.size = os.path.getsize(self.data_path)

    def _entry(self, value, place):
        kind, shape, fields = 0, [], {}
        for number, found in _Bytes(self.index_path, value, place).fields():
            if number == 1:
                kind = found
            elif number == 2:
                for axis, size in _Bytes(self.index_path, found, place).fields():
                    if axis == 2:
                        shape.append(dict(_Bytes(self.index_path, size, place).fields()).get(1, 0))
            else:
                fields[number] = found
        if kind not in TYPES:
            raise BundleError(self.index_path, place, f"a tensor of TensorFlow's type {kind}")
        if 7 in fields:
            raise BundleError(self.index_path, place, "a tensor in slices")
        count = TYPES[kind][1]
        for length in shape:
            count *= length
        offset, size = fields.get(4, 0), fields.get(5, 0)
        if fields.get(3, 0) != 0 or size != count:
            raise BundleError(self.index_path, place, f"{size} bytes for a tensor of {count} bytes")
        return TYPES[kind][0], shape, offset, size, fields.get(6, 0)

    @property
    def names(self):
        return sorted(self.places)

    def read(self, name):
        """(dtype, shape, bytes, little-endian) of a tensor, after its checksum."""
        dtype, shape, offset, size, checksum = self.places[name]
        if offset + size > self.size:
            raise BundleError(self.data_path, offset, f"{name} has {size} bytes, and the file ends after {self.size}")
        with open(self.data_path, "rb") as file:
            file.seek(offset)
            data = file.read(size)
        if len(data) != size or masked(crc32c(data)) != checksum:
            raise BundleError(self.data_path, offset, f"the checksum of {name} ({size} bytes) is wrong")
        return dtype, shape, data
