"""The installer of a release: what it puts where, what it leaves alone, and what it removes again."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

LIBRARY = Path(__file__).resolve().parent.parent / "lib"
PAGE = "share/man/man1/reprise.1"


class Installer(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.prefix = self.folder / "prefix"
        self.release = self.make_release("1.0", {PAGE: "page"})

    def make_release(self, version, files):
        """A release whose program prints its version."""
        release = self.folder / f"reprise-{version}"
        files = {"bin/reprise": f"#!/bin/sh\necho {version}\n", **files}
        for path, text in files.items():
            (release / path).parent.mkdir(parents=True, exist_ok=True)
            (release / path).write_text(text)
        (release / "bin/reprise").chmod(0o755)
        shutil.copy(LIBRARY / "installer", release / "install")
        return release

    def run_installer(self, *arguments, release=None):
        return subprocess.run(
            [str((release or self.release) / "install"), "--prefix", str(self.prefix), *arguments],
            capture_output=True, text=True, env={"PATH": os.environ["PATH"], "HOME": str(self.folder)})

    def installed(self):
        return sorted(str(p.relative_to(self.prefix)) for p in self.prefix.rglob("*") if not p.is_dir())

    def test_installs_and_removes_all_of_it(self):
        result = self.run_installer()
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.installed(), ["bin/reprise", PAGE, "share/reprise/installed-files"])
        program = subprocess.run([self.prefix / "bin/reprise"], capture_output=True, text=True)
        self.assertEqual(program.stdout, "1.0\n")
        self.assertIn("is not on the PATH", result.stdout)
        self.assertEqual(self.run_installer("--uninstall").returncode, 0)
        self.assertEqual(list(self.prefix.rglob("*")), [])

    def test_leaves_what_others_put_there(self):
        (self.prefix / "share/man/man1").mkdir(parents=True)
        (self.prefix / "share/man/man1/other.1").write_text("other")
        (self.prefix / "bin").mkdir()
        (self.prefix / "bin/other").write_text("other")
        self.run_installer()
        self.run_installer("--uninstall")
        self.assertEqual(self.installed(), ["bin/other", "share/man/man1/other.1"])

    def test_refuses_to_replace_what_it_did_not_install(self):
        (self.prefix / "bin").mkdir(parents=True)
        (self.prefix / "bin/reprise").write_text("another program")
        result = self.run_installer()
        self.assertEqual(result.returncode, 1)
        self.assertIn("is not from an installation of Reprise", result.stderr)
        self.assertEqual(self.installed(), ["bin/reprise"])
        self.assertEqual((self.prefix / "bin/reprise").read_text(), "another program")

    def test_replaces_the_link_to_a_build_folder(self):
        (self.prefix / "bin").mkdir(parents=True)
        (self.prefix / "bin/reprise").symlink_to("/nowhere/.build/release/reprise")
        self.assertEqual(self.run_installer().returncode, 0)
        self.assertFalse((self.prefix / "bin/reprise").is_symlink())

    def test_a_new_version_removes_what_only_the_old_one_had(self):
        self.run_installer()
        new = self.make_release("2.0", {"share/man/man1/reprise-build.1": "page"})
        self.assertEqual(self.run_installer(release=new).returncode, 0)
        self.assertEqual(
            self.installed(), ["bin/reprise", "share/man/man1/reprise-build.1", "share/reprise/installed-files"])

    def test_training_uses_the_named_libtorch(self):
        libtorch = self.folder / "torch"
        libtorch.mkdir()
        trainer = self.prefix / "bin/reprise-train"
        self.release = self.make_release("1.1", {"bin/reprise-train": "#!/bin/sh\n"})
        self.run_installer()
        self.assertFalse(trainer.exists())    # without libtorch it could not start
        self.assertEqual(self.run_installer(f"--libtorch={libtorch}").returncode, 0)
        self.assertEqual((self.prefix / "lib/reprise/torch").resolve(), libtorch.resolve())
        self.assertTrue(trainer.exists())
        self.run_installer()
        self.assertTrue(trainer.exists())    # libtorch is still there
        self.run_installer("--uninstall")
        self.assertEqual(list(self.prefix.rglob("*")), [])
        self.assertTrue(libtorch.is_dir())

    def test_fetches_the_libtorch_that_releases_are_built_with(self):
        pinned = [
            re.findall(r"^torch(?:_packages)?='(torch==[0-9.]+)\b", (LIBRARY / name).read_text(), re.MULTILINE)
            for name in ("installer", "install.sh")
        ]
        self.assertEqual(pinned[0], pinned[1])
        self.assertEqual(len(pinned[0]), 1)

    def test_a_list_that_names_other_places_removes_nothing_there(self):
        self.run_installer()
        precious = self.folder / "precious"
        precious.write_text("precious")
        (self.prefix / "share/reprise/installed-files").write_text("../precious\n")
        result = self.run_installer("--uninstall")
        self.assertEqual(result.returncode, 1)
        self.assertTrue(precious.exists())

    def test_says_what_it_cannot_do(self):
        self.assertIn("no Reprise is installed", self.run_installer("--uninstall").stderr)
        self.assertIn("there is no option --frobnicate", self.run_installer("--frobnicate").stderr)


class Completions(unittest.TestCase):
    """A sibling's options replace the names that the program itself knows of its subcommands."""

    def merge(self, sibling, root):
        with tempfile.TemporaryDirectory() as folder:
            first, second = Path(folder, "sibling"), Path(folder, "root")
            first.write_text(sibling)
            second.write_text(root)
            return subprocess.run(
                ["awk", "-f", LIBRARY / "completions.awk", first, second],
                capture_output=True, text=True, check=True).stdout

    def test_functions_of_bash_and_zsh(self):
        merged = self.merge(
            "_reprise() {\n  sibling\n}\n_reprise_train() {\n  --epochs\n}\n_reprise_help() {\n  sibling\n}\n",
            "_reprise() {\n  root\n}\n_reprise_train() {\n  nothing\n}\n_reprise_help() {\n  root\n}\nend\n")
        self.assertEqual(
            merged, "_reprise() {\n  root\n}\n_reprise_train() {\n  --epochs\n}\n_reprise_help() {\n  root\n}\nend\n")

    def test_cases_and_lines_of_fish(self):
        merged = self.merge(
            "        case 'train'\n            parse 'epochs='\ncomplete -n '\"reprise train\" epochs' -l epochs\n",
            "        case 'build'\n            parse 'jobs='\n        case 'train'\n            parse 'help'\n"
            "complete -n '\"reprise build\" jobs' -l jobs\ncomplete -n '\"reprise train\" help' -l help\n")
        self.assertEqual(
            merged,
            "        case 'build'\n            parse 'jobs='\n        case 'train'\n            parse 'epochs='\n"
            "complete -n '\"reprise build\" jobs' -l jobs\ncomplete -n '\"reprise train\" epochs' -l epochs\n")


if __name__ == "__main__":
    unittest.main()
