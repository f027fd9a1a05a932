"""A length has one form for each use, and is read from what it writes."""

import pytest

import odelt
from odelt.config import Length


@pytest.mark.parametrize("blocks, text, name, cell", [(None, "full", "full", "full"), (4, "4", "l4", 4)])
def test_a_length_is_read_from_its_text(blocks, text, name, cell):
    length = Length.parse(text)
    assert (length.blocks, str(length), length.name, length.cell) == (blocks, text, name, cell)


@pytest.mark.parametrize("text", ["", "0", "-4", "l4", "4.0", "Full", "9" * 5000])
def test_another_text_is_refused(text):
    with pytest.raises(odelt.OdeltError, match="from 1 on, or 'full'"):
        Length.parse(text)
