"""
What is shipped is the wheel: it holds the whole package and runs without the tree.
"""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Build the wheel from the tree, without asking a registry.
    """
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_wheel_holds_the_package(wheel: Path) -> None:
    """
    The wheel holds every file of the package, the mark that it is typed, and the licence.
    """
    names = set(zipfile.ZipFile(wheel).namelist())
    sources = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src").rglob("*.py")}
    assert sources | {"pointsledger/py.typed", "pointsledger/reports/statement.html"} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_wheel_runs_without_the_tree(wheel: Path, tmp_path: Path) -> None:
    """
    The package imports from the unpacked wheel alone, every public name included.
    """
    zipfile.ZipFile(wheel).extractall(tmp_path)
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import pointsledger\n"
        "from pointsledger import *\n"
        "print(pointsledger.__file__)"
    )
    ran = subprocess.run(
        [sys.executable, "-I", "-c", script], cwd=tmp_path, check=True, capture_output=True, encoding="utf-8"
    )
    assert ran.stdout.strip() == str(tmp_path / "pointsledger" / "__init__.py")
