"""The package as it is handed out: what the source distribution holds, and what importing it costs."""

from __future__ import annotations

import inspect
import json
import pydoc
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import octollm
import pytest

HERE = Path(__file__).parent.parent
ROOT = HERE.parents[1]


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution, unpacked."""
    out = tmp_path_factory.mktemp("sdist")
    made = [sys.executable, "-m", "maturin", "sdist", "--out", str(out)]
    done = subprocess.run(made, cwd=HERE, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (archive,) = out.glob("octollm-*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(out)
    return out / archive.name.removesuffix(".tar.gz")


def test_the_source_distribution_is_whole(sdist: Path) -> None:
    cargo = [shutil.which("cargo") or "cargo", "metadata", "--format-version", "1", "--offline"]
    done = subprocess.run(cargo, cwd=sdist / "bindings" / "python", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    crates = {package["name"]: package for package in json.loads(done.stdout)["packages"]}
    own = {name for name, package in crates.items() if package["source"] is None}
    assert own >= {"octollm-python", "octollm-server", "octollm-arms", "octollm-core"}
    # Everything that such a crate is built from: sources, and the data and prompts that are compiled in; not what it leaves
    # out of its own package, such as what a detector was trained on.
    folders = ("src/", "data/", "prompts/", "playbooks/", "models/")
    for name in sorted(own - {"octollm-python"}):
        listed = subprocess.run(
            [cargo[0], "package", "--list", "--allow-dirty", "--offline", "--package", name],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        parts = [Path(name, line) for line in listed.stdout.splitlines() if line.startswith(folders)]
        missing = [path for path in parts if not (sdist / path).is_file()]
        assert parts and not missing, missing


def test_the_metadata_says_what_it_is(sdist: Path) -> None:
    said = (sdist / "PKG-INFO").read_text()
    assert "Name: octollm\n" in said and "Requires-Python: >=3.9" in said
    assert "Requires-Dist" not in said, "the package needs nothing else"
    assert 'octollm = "octollm.__main__:main"' in (sdist / "pyproject.toml").read_text()
    assert (sdist / "python" / "octollm" / "py.typed").exists() or list(sdist.rglob("py.typed"))


def test_importing_brings_only_what_is_needed() -> None:
    program = "import sys; import octollm; print([name for name in sys.argv[1:] if name in sys.modules])"
    dear = ["asyncio", "pydantic", "pytest", "email", "http", "urllib.request", "uuid", "html"]
    done = subprocess.run([sys.executable, "-c", program, *dear], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_is_of_use() -> None:
    said = pydoc.plain(pydoc.render_doc(octollm))
    assert "nervous system" in said and "class OctoLLM" in said
    # What one begins with is told first: before the modules, and before everything there is.
    told = said.split("PACKAGE CONTENTS")[0]
    first = [
        "arm",
        "Arm",
        "ArmContext",
        "OctoLLM",
        "connect",
        "serve",
        "reflex.scan",
        "octollm.testing",
        "OctoLLMError",
    ]
    assert [name for name in first if f"``{name}" not in told] == []
    assert "registration" not in said, "what arms and orchestrators say to one another is nobody else's"
    for name in octollm.__all__:
        there = getattr(octollm, name)
        if inspect.isclass(there) or inspect.isfunction(there):
            assert inspect.getdoc(there), f"{name} has no docstring"
        for member, method in inspect.getmembers(there, inspect.isfunction):
            own = not member.startswith("_") and method.__module__.startswith("octollm")
            assert not own or inspect.getdoc(method), f"{name}.{member} has no docstring"
