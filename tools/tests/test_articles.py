"""Pages of docs as docc reads them."""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import articles  # noqa: E402


class Articles(unittest.TestCase):
    def test_links(self):
        names = {"manifest", "own-dataset"}
        for written, read in (
            ("[a `b`](../manifest.md#audio)", "[a `b`](doc:manifest)"),
            ("[x](tutorials/own-dataset.md), [y](manifest.md)", "[x](doc:own-dataset), [y](doc:manifest)"),
            ("[log](../CHANGELOG.md) of [tools](../tools)", "log of tools"),
            ("[web](https://a.org/manifest.md)", "[web](https://a.org/manifest.md)"),
            ("![roll](pictures/roll.png)", "![roll](roll.png)"),
            ("```python\na[b](c.md)\n```", "```python\na[b](c.md)\n```"),
            ("```yaml title=a.yaml\nx: [1](manifest.md)\n```", "`a.yaml`:\n\n```yaml\nx: [1](manifest.md)\n```"),
        ):
            self.assertEqual(articles.article(written, names), read)

    def test_the_first_page_lists_all(self):
        docs = pathlib.Path(articles.__file__).parents[2] / "docs"
        with tempfile.TemporaryDirectory() as folder:
            articles.main(docs, folder + "/c", "/x/Audio.doccarchive")
            first = pathlib.Path(folder, "c/Reprise.md").read_text()
            self.assertIn("* [Audio](/documentation/audio)", first)
            for page in docs.rglob("*.md"):
                self.assertIn(f"* <doc:{page.stem}>", first)
                self.assertTrue(pathlib.Path(folder, "c", page.name).exists())


if __name__ == "__main__":
    unittest.main()
