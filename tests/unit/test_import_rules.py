"""Who may import what, and who may name a cloud: read from the source, so that it holds for code that never runs."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tre import paths, registry

ROOT = paths.checkout()
CLOUDS = {"aws", "azure", "kubernetes", "amazon", "boto3", "azuread", "gcp"}
SDKS = {"boto3", "botocore", "azure", "kubernetes", "pulumi_aws", "pulumi_azure_native", "pulumi_kubernetes"}
MAY_NAME_A_CLOUD = {ROOT / "tre" / "registry.py"}
MAY_IMPORT_PULUMI = {ROOT / "tre" / "engine", ROOT / "tre" / "program.py"}


def _files(*folders: str) -> list[Path]:
    return sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))


def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(), str(file))


def _type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _at_module_level(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield what runs when the module is imported: not functions' bodies, not what is for type checkers alone."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or _type_checking(node):
            continue
        yield node
        waiting += ast.iter_child_nodes(node)


def _imported(nodes: Iterator[ast.AST]) -> set[str]:
    """Return the full names of the modules that are imported, dynamically by a literal name, too."""
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide what is imported"
            names.add(node.module or "")
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            names |= {str(each.value) for each in node.args if isinstance(each, ast.Constant)}
    return names


def _tops(names: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


def _docstrings(tree: ast.Module) -> set[int]:
    """Return the ids of the constants that are documentation: alone on a line, they decide nothing."""
    return {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}


def _named_clouds(file: Path) -> list[str]:
    """Return where a file names a cloud in an identifier or in a string that the program uses."""
    tree = _tree(file)
    documentation = _docstrings(tree)
    found: list[str] = []
    for node in ast.walk(tree):
        words: set[str] = set()
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            words = {node.value.lower()}
        elif isinstance(node, ast.Name):
            words = {node.id.lower()}
        elif isinstance(node, ast.Attribute):
            words = {node.attr.lower()}
        if words & CLOUDS:
            found.append(f"{file.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}: {words & CLOUDS}")
    return found


@pytest.mark.parametrize("file", _files("components"), ids=str)
def test_components_import_pulumi_and_pydantic_only(file: Path) -> None:
    allowed = {"pulumi", "pydantic", "components", "__future__"} | sys.stdlib_module_names
    assert _tops(_imported(ast.walk(_tree(file)))) <= allowed


@pytest.mark.parametrize("file", _files("tre", "components", "stacks", "portal"), ids=str)
def test_only_backends_and_the_registry_name_a_cloud(file: Path) -> None:
    assert file in MAY_NAME_A_CLOUD or _named_clouds(file) == []


@pytest.mark.parametrize("file", _files("tre", "components", "stacks", "portal"), ids=str)
def test_only_the_registry_imports_backends_and_nobody_else_their_sdks(file: Path) -> None:
    names = _imported(ast.walk(_tree(file)))
    assert not _tops(names) & SDKS
    assert "providers" not in _tops(names)


@pytest.mark.parametrize("name", sorted(registry.BACKENDS))
def test_a_backend_imports_no_other_backend(name: str) -> None:
    others = {f"providers.{other}" for other in registry.BACKENDS if other != name}
    for file in _files(f"providers/{name}"):
        names = _imported(ast.walk(_tree(file)))
        assert not [each for each in names if each.startswith(tuple(others))], file


def test_the_portal_imports_neither_pulumi_nor_the_deployer() -> None:
    """What runs inside a TRE holds no administrator's tools. Holds from the portal's first file on."""
    forbidden = {"pulumi", "providers", "components", "tre"} | SDKS
    for file in _files("portal"):
        assert not _tops(_imported(ast.walk(_tree(file)))) & forbidden, file


@pytest.mark.parametrize("file", _files("tre"), ids=str)
def test_the_deployer_imports_pulumi_in_the_engine_alone(file: Path) -> None:
    if any(file.is_relative_to(each) for each in MAY_IMPORT_PULUMI):
        return
    assert "pulumi" not in _tops(_imported(_at_module_level(_tree(file))))


def test_target_models_need_no_sdk() -> None:
    for name in registry.BACKENDS:
        names = _imported(ast.walk(_tree(ROOT / "providers" / name / "target.py")))
        assert not _tops(names) & (SDKS | {"pulumi"})


def test_the_rules_catch_offenders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    file = tmp_path / "offender.py"
    file.write_text(
        '"""Names azure here, freely."""\nif backend == "aws":\n    import pulumi_aws\nx = sdk.boto3\n'
    )
    assert len(_named_clouds(file)) == 2
    assert "pulumi_aws" in _imported(ast.walk(_tree(file)))
    file.write_text("def later():\n    import pulumi\n")
    assert _imported(_at_module_level(_tree(file))) == set()
    file.write_text("try:\n    import pulumi\nexcept ImportError:\n    pass\n")
    assert _imported(_at_module_level(_tree(file))) == {"pulumi"}
