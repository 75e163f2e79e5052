"""The network of mel-cnn in PyTorch, written from its description in docs/mel-cnn.md and not from Sources/Systems."""
import package  # noqa: F401
from reprise._networks import Mel  # noqa: F401
