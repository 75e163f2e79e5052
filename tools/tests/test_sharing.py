"""`reprise push` and `pull`: what comes back, what is refused. Runs `reprise` as `test_exports.py` does."""

import io
import json
import pathlib
import shutil
import tarfile
import unittest

from exported_music import STYLES, Music, midi


class Sharing(Music):
    def test_push_and_pull(self):
        for remote in ("remote", "remote.tar"):
            with self.subTest(remote):
                cache = f"cache-of-{remote}"
                pushed = self.reprise("push", "mix", "--remote", remote, "--json")
                self.assertEqual(pushed["objects"]["skipped"], 0)
                again = self.reprise("push", "mix", "--remote", remote, "--json")
                self.assertEqual((again["objects"]["copied"], again["bytes"]), (0, 0))
                self.reprise("pull", "sound", "--remote", remote, statuses=(10,), cache=cache)
                pulled = self.reprise("pull", "mix", "--remote", remote, "--json", cache=cache)
                self.assertEqual(pulled["snapshot"], pushed["snapshot"])
                self.assertEqual(pulled["objects"]["copied"], pushed["objects"]["copied"])
                again = self.reprise("pull", "mix", "--remote", remote, "--json", cache=cache)
                self.assertEqual(again["objects"]["copied"], 0)
                verified = self.reprise("verify", "--json", cache=cache)
                self.assertEqual((verified["sound"], verified["findings"]), (True, []))
                self.reprise("gc", "--keep", "0", "--grace", "0", cache=cache)
                ours, theirs = self.export("webdataset"), self.export("webdataset", cache=cache)
                for path in ours.glob("*.tar"):
                    with tarfile.open(path) as left, tarfile.open(theirs / path.name) as right:
                        names = left.getnames()
                        self.assertEqual(names, right.getnames())
                        for name in names:
                            if name.endswith(".npy"):
                                self.assertEqual(left.extractfile(name).read(), right.extractfile(name).read())
                self.reprise("stats", "mix", cache=cache)
        card = (self.folder / "remote" / "README.md").read_text(encoding="utf-8")
        for words in ("# A mix: of notes \\& sound", "Licence: cc-by-4.0", "@misc{mix}", "reprise pull mix"):
            self.assertIn(words, card)
        with tarfile.open(self.folder / "remote.tar") as archive:
            self.assertEqual(archive.extractfile("README.md").read().decode(), card)

    def test_a_new_snapshot_is_incremental(self):
        manifest = self.folder / "mix.yaml"
        self.reprise("push", "mix", "--remote", "growing")
        self.reprise("pull", "mix", "--remote", "growing", cache="grown")
        path = self.folder / "midi" / STYLES[0] / "added.mid"
        try:
            path.write_bytes(midi(20))
            self.reprise("build", manifest.name, "--jobs", "1")
            pushed = self.reprise("push", "mix", "--remote", "growing", "--json")
            self.assertGreater(pushed["objects"]["skipped"], pushed["objects"]["copied"])
            pulled = self.reprise("pull", "mix", "--remote", "growing", "--json", cache="grown")
            self.assertEqual(pulled["objects"], pushed["objects"])
            names = [item["name"] for item in self.reprise("datasets", "--json", cache="grown")["datasets"]]
            self.assertEqual(names, ["mix", "mix@1"])
        finally:
            path.unlink()
            self.reprise("build", manifest.name, "--jobs", "1")

    def refused(self, remote, *words):
        """Nothing of a remote is used, and the reason is said."""
        shutil.rmtree(self.folder / "victim", ignore_errors=True)
        done = self.reprise("pull", "mix", "--remote", str(remote), statuses=(1, 10), cache="victim")
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.reprise("stats", "mix", statuses=(10,), cache="victim")

    def test_hostile_archives_are_refused(self):
        self.reprise("push", "mix", "--remote", "good.tar")
        with tarfile.open(self.folder / "good.tar") as archive:
            members = [(item.name, archive.extractfile(item).read()) for item in archive]

        def archive(name, items):
            path = self.folder / name
            with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as made:
                for item in items:
                    if isinstance(item, tarfile.TarInfo):
                        made.addfile(item)
                    else:
                        info = tarfile.TarInfo(item[0])
                        info.size = len(item[1])
                        made.addfile(info, io.BytesIO(item[1]))
            return path

        link = tarfile.TarInfo(members[2][0])
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        last = len(members) - 1
        flipped = bytes([members[last][1][0] ^ 1]) + members[last][1][1:]
        listed = json.loads(members[0][1])
        fewer = json.dumps({**listed, "objects": listed["objects"][:-1]}).encode()
        other = json.dumps({**listed, "snapshot": "0" * 64}).encode()
        more = json.dumps(
            {**listed, "objects": listed["objects"] + [{"sha256": "1" * 64, "bytes": 3}]}).encode()
        self.refused(archive("traversal.tar", [*members[:2], ("../../evil", b"x"), *members[2:]]), "evil")
        self.assertFalse((self.folder.parent / "evil").exists())
        self.refused(archive("absolute.tar", [*members[:3], ("/tmp/evil", b"x")]), "/tmp/evil")
        self.refused(archive("link.tar", [*members[:2], link, *members[3:]]), "a link")
        self.refused(archive("flipped.tar", [*members[:-1], (members[last][0], flipped)]), "other bytes")
        self.refused(archive("lacking.tar", members[:-1]), "lacks object")
        self.refused(archive("fewer.tar", [(members[0][0], fewer), *members[1:-1]]), "other objects")
        self.refused(archive("more.tar", [(members[0][0], more), *members[1:], ("objects/11/" + "1" * 62, b"abc")]),
                     "other objects")
        self.refused(archive("other.tar", [(members[0][0], other), *members[1:]]), "snapshot")
        self.refused(archive("order.tar", members[1:]), "does not begin with")
        whole = (self.folder / "good.tar").read_bytes()
        cut = self.folder / "cut.tar"
        # In a header, in a body, between two files, and without the end.
        for place in (0, 100, 700, len(whole) // 2, len(whole) - 1500):
            cut.write_bytes(whole[:place])
            self.refused(cut)
        cut.write_bytes(whole[:300] + b"x" + whole[301:])
        self.refused(cut, "damaged")
        cut.write_bytes(b"PK\3\4" * 400)
        self.refused(cut, "no tar archive")

    def test_hostile_folders_are_refused(self):
        self.reprise("push", "mix", "--remote", "clean")
        good = self.folder / "clean"
        objects = sorted(path for path in (good / "objects").rglob("*") if path.is_file())

        def copy():
            shutil.rmtree(self.folder / "bad", ignore_errors=True)
            return pathlib.Path(shutil.copytree(good, self.folder / "bad"))

        bad = copy()
        path = bad / objects[0].relative_to(good)
        path.unlink()
        path.symlink_to(objects[0])
        self.refused(bad, "is a link")
        bad = copy()
        shutil.rmtree(bad / "objects")
        (bad / "objects").symlink_to(good / "objects")
        self.refused(bad, "is not a folder")
        bad = copy()
        path = bad / objects[-1].relative_to(good)
        path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])
        self.refused(bad, "other bytes")
        bad = copy()
        path = bad / objects[-1].relative_to(good)
        path.write_bytes(path.read_bytes()[:-1])
        self.refused(bad, "bytes, not")
        bad = copy()
        listed = json.loads((bad / "reprise-dataset.json").read_text())
        (bad / "reprise-dataset.json").write_text(json.dumps({**listed, "complete": False}))
        self.refused(bad, "not finished")
        (bad / "reprise-dataset.json").write_text("{")
        self.refused(bad, "not JSON")
        (bad / "reprise-dataset.json").write_text(json.dumps({**listed, "dataset": "../mix"}))
        self.refused(bad, "names no dataset")

    def test_what_is_no_remote_is_refused(self):
        for words, reason in (
            (("--remote", "ftp://example.org/d"), "scheme 'ftp'"),
            (("--remote", "folder", "--remote-key", "key"), "folders and archives have none"),
        ):
            for command in ("push", "pull"):
                done = self.reprise(command, "mix", *words, statuses=(64,))
                self.assertIn(reason, done.stderr)
        (self.folder / "occupied").mkdir()
        (self.folder / "occupied" / "mine").write_text("")
        self.assertIn("mine", self.reprise("push", "mix", "--remote", "occupied", statuses=(64,)).stderr)
        (self.folder / "occupied.tar").write_text("mine")
        self.reprise("push", "mix", "--remote", "occupied.tar", statuses=(64,))
        self.assertEqual((self.folder / "occupied.tar").read_text(), "mine")
        self.reprise("push", "sound", "--remote", "of-sound")
        self.assertIn("'sound'", self.reprise("push", "mix", "--remote", "of-sound", statuses=(64,)).stderr)


if __name__ == "__main__":
    unittest.main()
