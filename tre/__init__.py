"""Deploy one trusted research environment to any backend, and prove what it promises."""

from typing import Final

VERSION: Final = "0.1.0"
