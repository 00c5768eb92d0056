"""The description on PyPI and the napari hub: README.md with absolute links."""

import re
from pathlib import Path

from hatchling.metadata.plugin.interface import MetadataHookInterface

# [text](path) and ![text](path); not of addresses with a scheme, nor of headings on the same page
RELATIVE_LINK = re.compile(r"(?P<picture>!?)\[(?P<text>[^\]]*)\]\((?!\w+:|#)(?P<path>[^)\s]+)\)")


class AbsoluteLinks(MetadataHookInterface):
    """Replace relative links of README.md: PyPI and the napari hub resolve none.

    The links lead to the tag of this version, so the description of an old version keeps its
    pictures.
    """

    def update(self, metadata: dict) -> None:
        """Set the readme of the ``project`` table."""
        repository, tag = metadata["urls"]["Repository"], f"v{metadata['version']}"
        pages = f"{repository}/blob/{tag}/"
        pictures = f"{repository.replace('github.com', 'raw.githubusercontent.com', 1)}/{tag}/"

        def absolute(link: re.Match[str]) -> str:
            root = pictures if link["picture"] else pages
            return f"{link['picture']}[{link['text']}]({root}{link['path']})"

        readme = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": RELATIVE_LINK.sub(absolute, readme),
        }
