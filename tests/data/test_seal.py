"""The last line of a finished file."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from short_runs import write_run

from data.errors import UnreadableFileError
from data.seal import add_seal, check_seal, read_seal, unsealed_length

LINE = 87
"""Bytes of the seal."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "some.bin"
    file.write_bytes(np.random.default_rng(0).bytes(3_000_000))
    return file


def test_the_line_is_the_hash_of_all_before_it(path: Path) -> None:
    content = path.read_bytes()
    digest = add_seal(path)
    assert digest == hashlib.sha256(content).hexdigest()
    assert path.read_bytes() == content + f"\nionloom seal, sha256 {digest}\n".encode()
    assert read_seal(path) == digest
    seal = check_seal(path)
    assert (seal.stored, seal.found, seal.is_whole) == (digest, digest, True)
    assert unsealed_length(path) == len(content)


def test_a_file_without_a_seal(path: Path) -> None:
    length = path.stat().st_size
    seal = check_seal(path)
    assert (read_seal(path), seal.stored, seal.is_whole) == ("", "", False)
    assert seal.found == hashlib.sha256(path.read_bytes()).hexdigest()
    assert unsealed_length(path) == length


@pytest.mark.parametrize("size", [0, 1, LINE - 1, LINE])
def test_small_files_have_no_seal(tmp_path: Path, size: int) -> None:
    path = tmp_path / "small"
    path.write_bytes(b"\n" * size)
    assert read_seal(path) == ""
    assert not check_seal(path).is_whole
    add_seal(path)
    assert check_seal(path).is_whole


def test_every_flipped_bit_of_the_seal_breaks_it(path: Path) -> None:
    os.truncate(path, 20)
    add_seal(path)
    sealed = path.read_bytes()
    for at in range(len(sealed)):
        for bit in range(8):
            path.write_bytes(sealed[:at] + bytes([sealed[at] ^ 1 << bit]) + sealed[at + 1 :])
            assert not check_seal(path).is_whole


@pytest.mark.parametrize("change", [b"\n", b"x" * LINE, b"\nionloom seal, sha256 "])
def test_what_is_appended_breaks_it(path: Path, change: bytes) -> None:
    add_seal(path)
    with path.open("ab") as file:
        file.write(change)
    assert not check_seal(path).is_whole


def test_hdf5_takes_no_notice(tmp_path: Path) -> None:
    path = write_run(tmp_path)
    assert check_seal(path).is_whole
    with h5py.File(path) as file:
        assert file["entry/title"].asstr()[()] == "short"
    os.truncate(path, unsealed_length(path))
    with h5py.File(path) as file:
        assert file.id.get_filesize() == path.stat().st_size
    with h5py.File(path, "r+") as file:
        file.attrs["note"] = 1


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for look in (read_seal, check_seal):
        with pytest.raises(UnreadableFileError) as told:
            look(tmp_path / "none.h5")
        assert str(told.value) == (
            f"cannot read {tmp_path / 'none.h5'}: No such file or directory; "
            "check the path and its permissions"
        )
