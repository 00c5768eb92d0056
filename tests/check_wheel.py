"""Check that the one wheel in a folder carries every weights file: `check_wheel.py DIST`."""

import sys
import zipfile
from pathlib import Path

WEIGHTS = Path(__file__).resolve().parents[1] / "weights"


def main(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {info.filename: info.file_size for info in archive.infolist()}
    expected = {
        f"napari_focusstack/weights/{path.relative_to(WEIGHTS).as_posix()}": path.stat().st_size
        for path in WEIGHTS.rglob("*")
        if path.suffix in {".json", ".md", ".safetensors"}
    }
    if not any(name.endswith(".safetensors") for name in expected):
        sys.exit(f"no *.safetensors in {WEIGHTS}")
    wrong = sorted(name for name, size in expected.items() if packed.get(name) != size)
    if "napari_focusstack/py.typed" not in packed:
        wrong.append("napari_focusstack/py.typed")
    if wrong:
        sys.exit(f"{wheel.name} lacks {', '.join(wrong)}")
    print(f"{wheel.name}: {len(packed)} files, {len(expected)} of them weights and their notes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
