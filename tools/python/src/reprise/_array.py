"""The type of all arrays."""

from typing import Any

from numpy.typing import NDArray

#: An array of numpy; what its elements are, the text beside it says.
Array = NDArray[Any]
