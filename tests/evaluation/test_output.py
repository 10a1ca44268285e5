"""What a worker printed: kept in two halves, and told as one text."""

from lemur2.sandbox.output import Output


def test_a_character_is_whole_where_the_halves_meet():
    printed = Output(16)
    printed.add("seven..é and".encode())
    assert (printed.text, printed.note) == ("seven..é and", "")


def test_exactly_as_much_as_is_kept_is_whole():
    printed = Output(16)
    printed.add(b"0123456789abcde")
    printed.add(b"f")
    assert (printed.text, printed.note) == ("0123456789abcdef", "")
    printed.add(b"g")
    assert printed.text == ("01234567\n[1 bytes dropped: more was printed than is kept]\n9abcdefg")
    assert printed.note == "printed more than 0.015625 KiB: the middle of it was dropped"


def test_who_listens_hears_what_is_kept():
    heard = []
    printed = Output(16, heard.append)
    for piece in (b"seven..", "é and".encode()[:1], "é and".encode()[1:]):
        printed.add(piece)
    printed.end()
    assert "".join(heard) == printed.text == "seven..é and"
