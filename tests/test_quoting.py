from odelt.errors import OdeltError
from odelt.quoting import one_line, printable, quoted


def test_control_characters_of_a_name_become_visible():
    assert quoted("a\nb\x1b[2J\u202etxt\udcff") == "'a\\nb\\x1b[2J\\u202etxt\\udcff'"


def test_a_long_name_keeps_its_two_ends():
    shown = quoted("a" * 3_000_000 + ".png")
    assert len(shown) < 130
    assert shown.endswith(".png'")


def test_a_message_of_ours_is_one_printable_line_of_bounded_length():
    message = str(OdeltError("x\n\x1b" * 1_000_000))
    assert message.isprintable()
    assert len(message) < 10_000


def test_a_librarys_message_is_folded_and_short():
    assert one_line("a\n   b\tc") == "a b c"
    assert len(one_line("word " * 100_000)) <= 301


def test_spaces_of_a_name_stay():
    assert printable("a  b") == "a  b"
