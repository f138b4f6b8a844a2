"""How Sphinx makes the site of the documentation: `make docs` (decision 16).

The pages are Markdown that also reads well where it is stored, so they have no directives. The
site's navigation is made of the links of the index pages.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "Data lake"
extensions = ["myst_parser"]

# The source folder is that of the project, so that README, CHANGELOG and their like are pages.
root_doc = "docs/index"
include_patterns = ["*.md", "*/README.md", "docs/**.md"]
exclude_patterns = [".*", "**/.*", "site", "**/node_modules"]

myst_heading_anchors = 4
# JSON with an ellipsis is an example, and no JSON.
suppress_warnings = ["misc.highlighting_failure"]

html_theme = "furo"
html_title = "Data lake"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = html_show_sphinx = False


def add_contents(app: Sphinx, docname: str, source: list[str]) -> None:
    """Give an index page a hidden table of contents: the pages that it links, in its order."""
    if not docname.endswith("index"):
        return
    pages = list(dict.fromkeys(re.findall(r"\]\((?!\.\./|https?:)([\w/.-]+)\.md\)", source[0])))
    if docname == root_doc:
        others = sorted(Path(app.srcdir).glob("[!.]*/README.md"))
        pages += ["Changes <../CHANGELOG>", "README <../README>", "../CONTRIBUTING"]
        pages += ["../SECURITY", "../CODE_OF_CONDUCT"]
        pages += [f"{one.parent.name}/ <../{one.parent.name}/README>" for one in others]
    source[0] += "\n\n```{toctree}\n:hidden:\n\n" + "\n".join(pages) + "\n```\n"


def setup(app: Sphinx) -> None:
    """Tell Sphinx of the above."""
    app.connect("source-read", add_contents)
