"""
How the documentation is built: `python -m sphinx -W docs docs/_build`.
"""

from importlib.metadata import version as version_of

from sphinx.pycode import ModuleAnalyzer

project = "pointsledger"
author = "The pointsledger authors"
copyright = f"2026, {author}"
version = release = version_of("pointsledger")

# The verbs of the ledger stand in `Verbs`, in the order in which they are read.
_ledger = ModuleAnalyzer.for_module("pointsledger.ledger")
_ledger.analyze()
_ledger.tagorder |= {name.replace("Verbs.", "Ledger."): place for name, place in _ledger.tagorder.items()}

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
