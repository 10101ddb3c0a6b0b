"""Makes the generated protocol stubs importable without Pulumi's SDK.

The stubs ship inside the `pulumi` package, whose own import costs 0.4 s and 25 MB that a plugin never uses.
Registering the package's folders under their names lets `pulumi.runtime.proto` be imported alone.
"""

import sys
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType


def register() -> None:
    """Register empty packages on the way to `pulumi.runtime.proto`, unless the SDK is loaded already.

    Raises ImportError when Pulumi's SDK is not installed.
    """
    if "pulumi" in sys.modules:
        return
    spec = PathFinder.find_spec("pulumi")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("The Python package pulumi is not installed. Install it: pip install pulumi")
    folder = Path(spec.submodule_search_locations[0])
    for name in ("pulumi", "pulumi.runtime", "pulumi.runtime.proto"):
        package = ModuleType(name)
        package.__path__ = [str(folder.joinpath(*name.split(".")[1:]))]
        sys.modules[name] = package
