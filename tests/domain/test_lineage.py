from mcp_server.domain.lineage import Lineage
from storage.values.entities import Ancestry


def _lineage(*rows):
    return Lineage([Ancestry(*row) for row in rows])


def test_a_line_holds_all_that_a_version_was_made_from():
    lineage = _lineage((1, None, None), (2, 1, None), (3, 1, None), (4, 3, 2), (5, 1, None))
    assert lineage.line_of(4) == {1, 2, 3, 4}
    assert lineage.line_of(5) == {1, 5}


def test_two_lines_part_at_the_newest_version_that_both_have():
    lineage = _lineage((1, None, None), (2, 1, None), (3, 2, None), (4, 2, None), (5, 4, None))
    assert lineage.parting(3, 5) == 2
    assert lineage.parting(5, 4) == 4
    assert lineage.parting(3, 3) == 3


def test_lines_that_were_merged_part_at_what_was_merged():
    lineage = _lineage(
        (1, None, None), (2, 1, None), (3, 1, None), (4, 3, 2), (5, 2, None), (6, 4, None)
    )
    assert lineage.parting(6, 5) == 2


def test_lines_without_a_common_version_never_parted():
    assert _lineage((1, None, None), (2, None, None)).parting(1, 2) is None


def test_a_line_of_thousands_is_followed_to_its_beginning():
    rows = [(1, None, None), *((number, number - 1, None) for number in range(2, 20_000))]
    assert len(_lineage(*rows).line_of(19_999)) == 19_999
