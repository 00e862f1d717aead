"""How `make docs` makes the site. Nothing is fetched: neither while it is built nor while it is read."""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # for `derived`

project = "asksage_jupyter"
author = "The authors of asksage_jupyter"
release = version = version_of("asksage_jupyter")
language = "en"

extensions = [
    "derived",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["_build"]
nitpicky = True

myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_typehints = "none"  # the docstrings say the types, with their units
autodoc_class_signature = "separated"  # how a record is made is left out
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
default_role = "code"
copybutton_prompt_text = "$ "
copybutton_exclude = ".linenos, .gp, .go, .c1"

html_theme = "pydata_sphinx_theme"
html_title = project
templates_path = ["templates"]
html_static_path = ["static"]
html_css_files = ["site.css"]
html_favicon = "static/gauge.svg"
html_show_sourcelink = False
html_copy_source = False
html_sidebars = {"**": ["book.html"]}  # the whole book, on every page
html_theme_options = {
    "logo": {"text": project},
    "navbar_center": [],
    "navbar_persistent": [],
    "navbar_end": ["search-button", "theme-switcher"],
    "navigation_with_keys": False,
    "secondary_sidebar_items": {"**": ["page-toc"], "errors": []},  # its tree is wide
    "show_prev_next": True,
    "show_nav_level": 1,
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
}
html_show_copyright = False
