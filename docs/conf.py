"""
How the documentation is built: `python -m sphinx -W docs docs/_build`.
"""

from importlib.metadata import version as version_of

project = "pointsledger"
author = "The pointsledger authors"
copyright = f"2026, {author}"
version = release = version_of("pointsledger")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
# Show a default as it is written, not the address of the function that it names.
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False

html_theme = "furo"
html_title = f"pointsledger {version}"
