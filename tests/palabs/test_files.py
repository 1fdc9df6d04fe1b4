"""Files are written whole, all or none, and never over what is read."""

from __future__ import annotations

import os

import pytest

from confide.errors import Misuse
from palabs.files import check_distinct, write_whole


def test_files_are_written_for_their_owner_only_and_nothing_else_is_left(tmp_path):
    write_whole({tmp_path / "a.html": b"A", tmp_path / "b.pdf": b"B"})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a.html": b"A", "b.pdf": b"B"}
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_an_older_file_is_replaced_at_once(tmp_path):
    path = tmp_path / "a.html"
    path.write_bytes(b"old")
    opened = path.open("rb")
    write_whole({path: b"new"})
    with opened:
        assert opened.read() == b"old"
    assert path.read_bytes() == b"new"


def test_where_one_file_cannot_be_written_none_is(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        write_whole({tmp_path / "a.html": b"A", tmp_path / "no" / "folder" / "b.pdf": b"B"})
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError, match="No space"):
        write_whole({tmp_path / "a.html": b"A", tmp_path.__class__("/dev/full"): b"B"})
    assert list(tmp_path.iterdir()) == []
    assert os.path.exists("/dev/full")  # noqa: PTH110 - it is no file


def test_a_link_stays_a_link_and_what_it_leads_to_is_replaced(tmp_path):
    target, link = tmp_path / "real.html", tmp_path / "link.html"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write_whole({link: b"new"})
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize("how", ["itself", "link", "hardlink", "dots"])
def test_what_is_read_is_not_written_over(how, tmp_path):
    genome = tmp_path / "genome.txt"
    genome.write_bytes(b"x")
    path = {"itself": genome, "dots": tmp_path / "." / "genome.txt"}.get(how, tmp_path / "other.html")
    if how == "link":
        path.symlink_to(genome)
    if how == "hardlink":
        path.hardlink_to(genome)
    with pytest.raises(Misuse) as caught:
        check_distinct(genome, {"--output": path})
    assert caught.value.codes == ("file.same",)


def test_two_things_do_not_go_into_one_file(tmp_path):
    path = tmp_path / "report"
    with pytest.raises(Misuse) as caught:
        check_distinct(tmp_path / "genome.txt", {"--output": path, "--pdf": path})
    assert caught.value.codes == ("file.same",)
    check_distinct(tmp_path / "genome.txt", {"--output": path, "--pdf": tmp_path / "report.pdf"})


@pytest.mark.parametrize("where", ["source", "target", "folder"])
def test_a_link_that_leads_to_itself_is_misuse_and_not_a_traceback(where, tmp_path):
    loop, genome, report = tmp_path / "loop", tmp_path / "genome.txt", tmp_path / "report.html"
    loop.symlink_to(loop)
    source = loop if where == "source" else genome
    target = {"target": loop, "folder": loop / "report.html"}.get(where, report)
    with pytest.raises(Misuse) as caught:
        check_distinct(source, {"--output": target})
    assert caught.value.codes == ("file.loop",)
    with pytest.raises(OSError, match="Too many levels"):
        write_whole({loop / "report.html": b"A"})
    check_distinct(genome, {"--output": report})
