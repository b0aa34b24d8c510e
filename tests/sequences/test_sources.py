import subprocess
import sys
from pathlib import Path

from sequences import delay
from sequences.ir import Delay
from sequences.library.node import Node  # noqa: F401 - the library is inside of the room
from sequences.sources import caller

ROOT = Path(__file__).parents[2]


def test_a_block_knows_the_line_that_wrote_it() -> None:
    block = delay(1.0)
    line = test_a_block_knows_the_line_that_wrote_it.__code__.co_firstlineno + 1
    assert (block.source.file, block.source.line) == (__file__, line)
    assert str(block.source) == f"{Path(__file__).name}:{line}"


def test_the_place_is_told_and_not_compared() -> None:
    first = Delay(1.0)
    second = Delay(1.0)
    assert first.source != second.source
    assert first == second
    assert hash(first) == hash(second)


def test_a_folder_whose_name_starts_like_the_room_is_outside_of_it(tmp_path: Path) -> None:
    code = compile("place = caller()", f"{ROOT / 'sequences_of_mine'}/mine.py", "exec")
    scope = {"caller": caller}
    exec(code, scope)  # noqa: S102 - the file name is what is tested
    assert scope["place"].file.endswith("mine.py")  # type: ignore[attr-defined]


def test_code_from_the_command_line_has_a_place() -> None:
    code = "from sequences import delay; print(delay(1.0).source)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "<string>:1\n"
