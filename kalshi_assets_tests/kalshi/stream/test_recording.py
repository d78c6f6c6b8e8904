import gzip
import json
from datetime import UTC, datetime

import pytest

from kalshi_assets.errors import RecordingFailed
from kalshi_assets.kalshi.stream.recording import FrameRecorder

DAY = int(datetime(2026, 11, 22, tzinfo=UTC).timestamp() * 1000)
NAME = "2026-11-22.ndjson.gz"


def read(path):
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def test_frames_are_written_one_a_line_as_received(tmp_path):
    with FrameRecorder(tmp_path / "new") as recorder:
        recorder.write(DAY, b'{"type":"ok", "msg":[1.50]}')
        recorder.write(DAY + 5, b'{"type":"trade"}')
    text = gzip.decompress((tmp_path / "new" / NAME).read_bytes())
    assert text.splitlines()[0].endswith(b'"event":{"type":"ok", "msg":[1.50]}}')
    assert [row["recv_ms"] for row in read(tmp_path / "new" / NAME)] == [DAY, DAY + 5]
    assert read(tmp_path / "new" / NAME)[1]["event"] == {"type": "trade"}


def test_each_utc_day_has_a_file_of_its_own(tmp_path):
    with FrameRecorder(tmp_path) as recorder:
        recorder.write(DAY - 1, b"1")
        recorder.write(DAY, b"2")
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["2026-11-21.ndjson.gz", NAME]
    assert [row["event"] for row in read(tmp_path / NAME)] == [2]


def test_lines_are_written_when_they_are_many_or_old(tmp_path):
    recorder = FrameRecorder(tmp_path, flush_bytes=200, flush_ms=1000)
    recorder.write(DAY, b'"one"')
    assert not (tmp_path / NAME).exists()
    recorder.write(DAY + 1000, b'"two"')
    assert len(read(tmp_path / NAME)) == 2
    for _ in range(4):
        recorder.write(DAY + 1001, b'"' + b"x" * 20 + b'"')
    assert len(read(tmp_path / NAME)) >= 4


@pytest.mark.parametrize("frame", [b"{", b"\xff", b'{"a":"\xff"}', b"", b"{}{}"])
def test_what_is_no_json_is_written_as_a_text(tmp_path, frame):
    with FrameRecorder(tmp_path) as recorder:
        recorder.write(DAY, frame)
        recorder.write(DAY, b'{\n"a":\r\n1}')
    rows = read(tmp_path / NAME)
    assert isinstance(rows[0]["event"], str)
    assert rows[1]["event"] == {"a": 1}


@pytest.mark.parametrize("lost", [1, 5, 40])
def test_after_a_crash_in_the_middle_of_writing_the_whole_part_is_added_to(tmp_path, lost):
    with FrameRecorder(tmp_path) as recorder:
        for number in range(3):
            recorder.write(DAY, b"%d" % number)
            recorder.flush()
    path = tmp_path / NAME
    path.write_bytes(path.read_bytes()[:-lost])
    with FrameRecorder(tmp_path) as recorder:
        recorder.write(DAY, b"9")
    assert [row["event"] for row in read(path)] == [0, 1, 9]


def test_a_file_that_is_no_recording_is_left_as_it_is(tmp_path):
    (tmp_path / NAME).write_bytes(b"notes of mine")
    with pytest.raises(RecordingFailed, match="move it away"):
        FrameRecorder(tmp_path).write(DAY, b"1")
    assert (tmp_path / NAME).read_bytes() == b"notes of mine"


def test_a_folder_that_takes_no_files_is_named_with_the_way_out(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RecordingFailed, match="another folder"):
        FrameRecorder(tmp_path / "file" / "deeper").write(DAY, b"1")
