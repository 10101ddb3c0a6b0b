"""The airlock: the one service through which everything enters and leaves a TRE, the same on every substrate.

It handles data and holds no administrator's rights: it imports neither Pulumi nor the deployer.
"""

from typing import Final

VERSION: Final = "0.1.0"
