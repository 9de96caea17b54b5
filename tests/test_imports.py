"""Start-up stays fast, and reading never pays for training."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("scanner.cli", {"tensorflow", "keras", "cv2", "pandas", "onnxruntime", "numpy", "PIL"}),
        ("scanner.pipeline", {"tensorflow", "keras", "onnx", "tf2onnx", "matplotlib", "typer", "rich"}),
        (
            "scanner.run",
            {
                "tensorflow",
                "keras",
                "onnx",
                "matplotlib",
                "typer",
                "rich",
                "pydantic",
                "scipy",
                "pandas",
                "fsspec",
                "fastapi",
            },
        ),
        ("scanner.training", {"tensorflow", "keras", "onnx", "tf2onnx", "matplotlib"}),
        ("scanner", {"tensorflow", "keras"}),
    ],
)
def test_importing_stays_light(module: str, absent: set[str]) -> None:
    program = f"import sys, {module}; print(*(name for name in sys.modules if '.' not in name))"
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert not absent & set(loaded.split())


def test_what_the_package_offers_is_no_module_of_the_same_name() -> None:
    program = "import types; from scanner import *; print(*(name for name, each in vars().items() if name[0] != '_' "
    program += "and name != 'types' and isinstance(each, types.ModuleType)))"
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert loaded.split() == []
