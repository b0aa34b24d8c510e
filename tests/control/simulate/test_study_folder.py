"""The folder of a study: blocks that survive, and studies that are not mixed up."""

from __future__ import annotations

from pathlib import Path

import pytest

from control.errors import UsageError
from control.simulate.errors import AnotherStudy, BusyStudy, UnwritableStudy
from control.simulate.folder import Definition, differences, open_folder, stored_definition
from control.simulate.tasks import Block

DEFINITION: Definition = {
    "shots": 10,
    "settings": [{"node.rate": 1000.0}, {"node.rate": 2000.0}],
    "parameters": {"longest": 1e-3},
    "setup": "a = 1\nb = 2\n",
    "played": "abc",
}


def block(number: int, payload: bytes) -> Block:
    return Block(1, number, 5, 10**12 + number, 0.5, payload)


def test_blocks_come_back(tmp_path: Path) -> None:
    blocks = [block(number, bytes([number]) * number * 100) for number in (2, 0, 1)]
    with open_folder(tmp_path / "study", DEFINITION) as folder:
        for one in blocks:
            folder.append(one)
        assert folder.blocks(1) == {one.block: one for one in blocks}
        assert folder.blocks(2) == {}
    assert stored_definition(tmp_path / "study") == DEFINITION
    with open_folder(tmp_path / "study", DEFINITION) as folder:
        assert folder.blocks(1) == {one.block: one for one in blocks}


def test_a_log_that_is_cut_anywhere_holds_its_whole_blocks(tmp_path: Path) -> None:
    first, second = block(0, b"first"), block(1, b"second")
    with open_folder(tmp_path, DEFINITION) as folder:
        folder.append(first)
        log = folder.setting(1) / "blocks.log"
        whole = log.stat().st_size
        folder.append(second)
        data = log.read_bytes()
        for length in range(len(data)):
            log.write_bytes(data[:length])
            assert folder.blocks(1) == ({0: first} if length >= whole else {})
            assert log.stat().st_size == (whole if length >= whole else 0)
            folder.append(second)
            assert folder.blocks(1)[1] == second


def test_a_damaged_block_is_none(tmp_path: Path) -> None:
    with open_folder(tmp_path, DEFINITION) as folder:
        folder.append(block(0, b"first"))
        folder.append(block(1, b"second"))
        log = folder.setting(1) / "blocks.log"
        data = bytearray(log.read_bytes())
        data[-6] ^= 1
        log.write_bytes(data)
        assert list(folder.blocks(1)) == [0]


def test_another_study_is_refused_with_what_differs(tmp_path: Path) -> None:
    with open_folder(tmp_path, DEFINITION):
        pass
    other = {**DEFINITION, "shots": 20, "parameters": {"longest": 2e-3}, "played": "xyz"}
    with pytest.raises(AnotherStudy) as caught, open_folder(tmp_path, other):
        pass
    assert str(caught.value) == (
        f"{tmp_path} holds another study:\n"
        "  - shots: 10 in the folder, 20 asked for\n"
        "  - longest: 0.001 in the folder, 0.002 asked for\n"
        "Ask for the same again to go on with it, or give a folder of its own with --out."
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"played": "x"},
            "played: the sequences are not the same any more; the code that makes them has changed",
        ),
        ({"settings": [{"node.rate": 1.0}]}, "settings: 2 in the folder, 1 asked for"),
        (
            {"settings": [{"node.rate": 1000.0}, {"node.rate": 3000.0}]},
            "setting 2: node.rate = 2000.0 in the folder, node.rate = 3000.0 asked for",
        ),
        ({"settings": [{}, {}]}, "setting 1: node.rate = 1000.0 in the folder, nothing varied asked for"),
        ({"setup": "a = 1\nb = 3\n"}, "setup: its text differs, first in 'b = 3'"),
        ({"setup": "a = 1\n"}, "setup: its text differs, first in 'a line less'"),
    ],
)
def test_differences(change: Definition, told: str) -> None:
    assert differences(DEFINITION, {**DEFINITION, **change}) == (told,)
    assert differences(DEFINITION, DEFINITION) == ()


def test_two_programs_do_not_work_on_one_study(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    with open_folder(tmp_path, DEFINITION):
        with pytest.raises(BusyStudy) as caught, open_folder(tmp_path, DEFINITION):
            pass
        assert str(caught.value) == (
            f"{tmp_path}: another program is working on this study. Wait until it has ended, or end it."
        )
    with open_folder(tmp_path, DEFINITION):
        pass


def test_folders_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(UnwritableStudy) as caught, open_folder(tmp_path / "taken", DEFINITION):
        pass
    assert str(caught.value) == (
        f"{tmp_path / 'taken'} cannot be written: File exists. What was finished before is kept; "
        "mend this, and the same command goes on with the rest."
    )
    assert stored_definition(tmp_path / "taken") is None
    (tmp_path / "study.json").write_text("[1]")
    with pytest.raises(UsageError, match=r"study\.json is no definition of a study"):
        stored_definition(tmp_path)
    (tmp_path / "study.json").write_text("{")
    with pytest.raises(UsageError, match=r"study\.json is no definition of a study"):
        stored_definition(tmp_path)


def test_a_log_that_cannot_be_written(tmp_path: Path) -> None:
    with open_folder(tmp_path, DEFINITION) as folder:
        (tmp_path / "settings").write_text("a file, not a folder")
        with pytest.raises(UnwritableStudy, match=r"cannot be written: .*What was finished before is kept"):
            folder.append(block(0, b""))
