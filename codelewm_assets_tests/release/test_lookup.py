"""Records by path: a value, an absent value, a misspelt path, and what was read."""

import pytest

from codelewm_assets.core.errors import ReportError
from codelewm_assets.release.lookup import Records

TREE = {"seed": {"42": {"auc": 0.5, "absent": None, "bins": [{"count": 3}], "a.b": 1}}}


def test_a_path_gives_the_value_under_its_keys_and_places() -> None:
    records = Records(TREE)
    assert records.at("seed.42.auc") == 0.5
    assert records.at("seed.42.bins.0.count") == 3
    assert records.at(("seed", 42, "a.b")) == 1


def test_what_is_absent_is_none_and_a_misspelt_path_an_error_that_names_what_is_there() -> None:
    records = Records(TREE)
    assert records.at("seed.42.absent") is None
    assert records.get("seed.1729.auc") is None
    assert records.get("seed.42.auc.deeper") is None
    with pytest.raises(
        ReportError, match=r"No record at seed\.42\.acu: seed\.42 has no 'acu' \(auc, absent, bins, a\.b\)"
    ):
        records.at("seed.42.acu")
    with pytest.raises(ReportError, match="has no '1'"):
        records.at("seed.42.bins.1")


def test_what_was_read_is_known_and_looking_at_keys_reads_nothing() -> None:
    records = Records(TREE)
    assert records.keys("seed.42") == ["auc", "absent", "bins", "a.b"]
    assert records.keys("seed.42.bins") == ["0"]
    assert records.keys("seed.1729") == []
    assert records.read == set()
    records.at("seed.42.auc")
    records.get("seed.1729.auc")
    assert records.read == {("seed", "42", "auc")}
