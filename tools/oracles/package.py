"""Makes the Python package of this checkout importable: its networks are those of the golden vectors."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python" / "src"))
