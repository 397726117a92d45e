"""What the modules of the project promise: their public names, and what importing them costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    path
    for package in ("dqmstream", "services", "playback")
    for path in (ROOT / package).rglob("*.py")
    if path.name != "__init__.py" and "migrations" not in path.parts
)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_lists_its_public_names(path: Path) -> None:
    """`__all__` names what the module has, each once (ruff keeps the order)."""
    tree = ast.parse(path.read_text())
    listed = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets)
    ]
    assert len(listed) == 1, f"{path} has {len(listed)} lists of public names"
    names = listed[0]
    assert len(set(names)) == len(names)
    defined = {
        name.id if isinstance(name, ast.Name) else name.name
        for node in ast.walk(tree)
        for name in _defined(node)
    }
    assert set(names) <= defined


def _defined(node: ast.AST) -> list[ast.Name | ast.FunctionDef | ast.ClassDef | ast.alias]:
    match node:
        case ast.FunctionDef() | ast.ClassDef():
            return [node]
        case ast.AsyncFunctionDef():
            return [ast.Name(node.name)]
        case ast.Assign(targets=targets):
            names = [name for target in targets for name in ast.walk(target)]
            return [name for name in names if isinstance(name, ast.Name)]
        case ast.AnnAssign(target=ast.Name() as target):
            return [target]
        case ast.ImportFrom(names=names):
            return list(names)
    return []


def _python(code: str, folder: Path) -> str:
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_library_is_safe_in_a_folder_with_other_things_of_the_same_names(
    tmp_path: Path,
) -> None:
    """A notebook's own `services`, `playback` and `schemas` are neither imported nor shadowed."""
    for name in ("services", "playback", "schemas"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('imported')")
    modules = "dqmstream.booking, dqmstream.fold.merge, dqmstream.kernels.filler, dqmstream.store"
    assert "fine" in _python(f"import {modules}; print('fine')", tmp_path)


def test_importing_the_library_or_the_command_line_is_light(tmp_path: Path) -> None:
    """Help must be quick: nothing heavy before it is needed."""
    heavy = "{'numba', 'pyarrow', 'fastapi', 'sqlalchemy', 'scipy', 'boost_histogram', 'numpy'}"
    code = f"import sys, dqmstream, services.cli; print(sorted({heavy} & set(sys.modules)))"
    assert _python(code, tmp_path).strip() == "[]"
