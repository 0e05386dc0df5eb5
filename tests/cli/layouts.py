"""
Layouts as a mapping file describes them.
"""

from pointsledger.cli.order_layout import Layout
from pointsledger.cli.toml_file import read_toml


def read_layout(path: str) -> Layout:
    """
    Return the layout that the mapping file at `path` describes, as `replay` reads it.
    """
    return Layout.from_mapping(read_toml(path), path=path)
