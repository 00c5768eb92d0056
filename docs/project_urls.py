"""MkDocs hook: the addresses of repository and documentation come from pyproject.toml."""

import tomllib
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Set the addresses that mkdocs.yml leaves out."""
    urls = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["urls"]
    config.site_url = urls["Documentation"]
    config.repo_url = urls["Repository"]
    config.repo_name = "Repository"
    return config
