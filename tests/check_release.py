"""Check that all files name one version and one repository: `check_release.py [TAG]`."""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def value(text: str, key: str) -> str:
    """Of a key at the first level of a YAML file."""
    found = re.search(rf"^{key}: *(\S+)$", text, re.M)
    return found[1] if found else "nothing"


def main(tag: str | None) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    version, repository = project["version"], project["urls"]["Repository"]
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    wrong = [
        f"{where} says {found}, pyproject.toml {expected}"
        for where, found, expected in (
            ("CITATION.cff", value(citation, "version"), version),
            ("CITATION.cff", value(citation, "repository-code"), repository),
            ("the tag", tag or f"v{version}", f"v{version}"),
        )
        if found != expected
    ]
    if not re.search(rf"^## {re.escape(version)} - \d{{4}}-\d\d-\d\d$", changelog, re.M):
        wrong.append(f"CHANGELOG.md has no section '## {version} - YYYY-MM-DD'")
    if wrong:
        sys.exit("; ".join(wrong))
    print(f"version {version} in all files")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
