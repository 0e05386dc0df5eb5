"""
The storage of the page on writing one, and its contract.
"""

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "write-a-storage.md"


def test_storage_of_the_page_keeps_the_contract(tmp_path: Path) -> None:
    """
    What the page writes passes every check, as a user would run it (R-45, I-39).
    """
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (tmp_path / "test_log_storage.py").write_text("\n".join(blocks), encoding="utf-8")
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "TestLogStorage"]
    ran = subprocess.run([*run, "test_log_storage.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
    assert re.search(r"^\d+ passed, \d+ deselected", ran.stdout, re.MULTILINE)
