"""The Parquet files that `ParquetTests` records in Tests/Fixtures/Parquet, read by pyarrow: whole tables.

What is expected is said here again, apart from the writer's tests: equal tables mean that the recorded bytes are right.
"""

import importlib.util
import pathlib
import unittest

FIXTURES = pathlib.Path(__file__).resolve().parents[2] / "Tests" / "Fixtures" / "Parquet"


def value(kind, row):
    return {
        "text": f"text {row % 5}",
        "binary": bytes((index * 100 + row) % 256 for index in range(row % 4)),
        "uint8": row * 37 % 256,
        "uint16": row * 4099 % 65536,
        "int32": row * 123_457 * (1 if row % 2 == 0 else -1),
        "int64": row * 1_000_000_007 * (1 if row % 2 == 0 else -1),
        "float": row / 8 - 3,
        "double": row / 3,
    }[kind]


@unittest.skipIf(importlib.util.find_spec("pyarrow") is None, "not installed: pyarrow")
class ParquetFiles(unittest.TestCase):
    def read(self, name):
        import pyarrow.parquet

        file = pyarrow.parquet.ParquetFile(FIXTURES / f"{name}.parquet")
        table = file.read()
        table.validate(full=True)
        return file, table

    def test_values(self):
        import pyarrow

        _, table = self.read("values")
        types = {
            "text": pyarrow.string(), "binary": pyarrow.binary(), "uint8": pyarrow.uint8(), "uint16": pyarrow.uint16(),
            "int32": pyarrow.int32(), "int64": pyarrow.int64(), "float": pyarrow.float32(), "double": pyarrow.float64(),
        }
        self.assertEqual(table.column_names, [*types, *(f"required_{kind}" for kind in types)])
        for kind, wanted in types.items():
            self.assertEqual(table.schema.field(kind), pyarrow.field(kind, wanted))
            self.assertEqual(table.schema.field(f"required_{kind}"), pyarrow.field(f"required_{kind}", wanted, False))
            every = [value(kind, row) for row in range(50)]
            self.assertEqual(table[f"required_{kind}"].to_pylist(), every)
            self.assertEqual(table[kind].to_pylist(), [None if row % 3 == 1 else every[row] for row in range(50)])

    def test_texts(self):
        file, table = self.read("texts")
        texts = ["é", "e\u0301", "", "日本語", "𝄞 🎵", "a\0b", '"quoted", and\nmore', "Ωmega"]
        self.assertEqual(table.column_names, ["texte, répétés", "single"])
        self.assertEqual(table[0].to_pylist(), [None if row % 9 == 8 else texts[row % 9] for row in range(100)])
        self.assertEqual(table[1].to_pylist(), [f"{texts[row % 8]} {row}" for row in range(100)])
        self.assertEqual(file.metadata.num_row_groups, 7)
        self.assertEqual(
            [file.metadata.row_group(group).num_rows for group in range(7)], [15] * 6 + [10])
        self.assertEqual(file.schema_arrow.metadata, {b"key": 'väl"ue'.encode(), b"empty": b""})
        nulls = sum(file.metadata.row_group(group).column(0).statistics.null_count for group in range(7))
        self.assertEqual(nulls, table[0].null_count)
        for group in range(7):
            self.assertEqual(file.read_row_group(group), table.slice(15 * group, 15))

    def test_lists(self):
        import pyarrow

        file, table = self.read("lists")
        self.assertEqual(file.metadata.num_row_groups, 4)
        self.assertEqual(table.schema.field("numbers").type.value_type, pyarrow.int64())
        self.assertEqual(table.schema.field("nested").type.value_type.value_type, pyarrow.uint8())
        self.assertEqual(table["numbers"].to_pylist(), [
            None if row % 5 == 4 else [row * 10 + index for index in range(row % 5)] for row in range(40)])
        self.assertEqual(table["words"].to_pylist(), [
            [f"w{index + row % 2}" for index in range(row % 3)] for row in range(40)])
        self.assertEqual(table["nested"].to_pylist(), [
            None if row % 7 == 6 else [
                [row + outer + index for index in range((row + outer) % 3)] for outer in range(row % 7)]
            for row in range(40)])

    def test_arrays(self):
        file, table = self.read("arrays")
        self.assertGreater(file.metadata.num_row_groups, 2)
        for row, found in enumerate(table.to_pylist()):
            cells = [0 if index % 31 < row else (index * row) % 7 for index in range(20 * 31)]
            self.assertEqual(found["bytes"], [cells[start:start + 31] for start in range(0, 620, 31)])
            self.assertEqual(found["steps"], None if row % 4 == 3 else [index * 7000 + row for index in range(9)])
            self.assertEqual(found["floats"], [
                [[(12 * a + 4 * b + c) * row / 4 for c in range(4)] for b in range(3)] for a in range(2)])

    def test_groups(self):
        _, table = self.read("groups")
        self.assertEqual(table.to_pylist(), [
            {"id": row, "audio": None if row % 3 == 2 else {"bytes": bytes([row, 0, 255]), "path": f"{row}.wav"}}
            for row in range(10)])

    def test_emptiness(self):
        file, table = self.read("empty")
        self.assertEqual((table.num_rows, file.metadata.num_row_groups), (0, 0))
        self.assertEqual(table.column_names, ["text", "byte", "list", "number"])
        _, table = self.read("nulls")
        self.assertEqual(table.to_pylist(), [
            {"text": None, "byte": None, "list": [] if row % 2 else None, "number": None} for row in range(20)])


if __name__ == "__main__":
    unittest.main()
