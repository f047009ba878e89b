"""A form is read as it arrives, and whatever is wrong with it is said."""

from __future__ import annotations

import io
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkclaims.errors import RequestWrong, SettingsWrong
from bulkclaims.web.forms import FormUpload

TYPE = "multipart/form-data; boundary=X"
FILE = b'--X\r\nContent-Disposition: form-data; name="file"; filename="claims.csv"\r\n\r\n'
FIELD = b'--X\r\nContent-Disposition: form-data; name="npi"\r\n\r\n1999999984\r\n'
END = b"\r\n--X--\r\n"


class Dribble:
    """A body that arrives a few bytes at a time."""

    def __init__(self, body, at_most):
        self.body, self.at_most = io.BytesIO(body), at_most

    def read(self, size):
        """Give what has arrived."""
        return self.body.read(min(size, self.at_most))


class Lost:
    """A body whose connection breaks, as servers tell it."""

    def __init__(self, error):
        self.error = error

    def read(self, size):
        """Break."""
        raise self.error


def read(form, size=1000):
    """All of a form's file."""
    return b"".join(iter(lambda: form.read(size), b""))


@given(st.binary(max_size=300).filter(lambda content: b"\r\n--X" not in content), st.integers(1, 40))
def test_the_file_comes_out_as_it_was(content, at_most):
    """Whatever it holds, and however the network cuts it up."""
    form = FormUpload(TYPE, Dribble(FIELD + FILE + content + END, at_most))

    assert (form.filename, form.fields) == ("claims.csv", {"npi": "1999999984"})
    assert read(form, at_most) == content


@pytest.mark.parametrize("cut", [10, 60, len(FILE), len(FILE) + 5, -3])
def test_a_form_that_breaks_off_is_refused(cut):
    """Wherever it ends before its end; also when its file seems whole."""
    body = (FILE + b"claim_number" + END)[:cut]

    with pytest.raises(RequestWrong, match="broke off") as broken:
        read(FormUpload(TYPE, io.BytesIO(body)))
    assert broken.value.code == "broken_off"


@pytest.mark.parametrize("error", [ConnectionResetError(), ValueError("a chunk's size is none")])
def test_a_connection_that_breaks_is_no_traceback(error):
    """A server that raises where others see an end means the same, whatever it raises."""
    with pytest.raises(RequestWrong, match="broke off") as broken:
        FormUpload(TYPE, Lost(error))
    assert broken.value.retry_helps


def test_what_a_host_says_of_the_body_stays():
    """An adapter that knows better is heard."""
    with pytest.raises(SettingsWrong, match="read before"):
        FormUpload(TYPE, Lost(SettingsWrong("The body was read before.")))


def test_a_connection_that_breaks_while_it_is_drained_does_no_harm():
    """Nobody is left to hear the answer."""
    form = FormUpload(TYPE, io.BytesIO(FILE))
    form._body = Lost(ConnectionResetError())
    form.drain()


@pytest.mark.parametrize(
    "body",
    [
        b"no boundary at all, but a text that is long enough",
        b"--X\r\nContent Disposition\r\n\r\n" + END,
        b'--X\r\nContent-Disposition: form-data; name="\xff\xfe"\r\n\r\n' + END,
    ],
)
def test_a_malformed_form_is_refused(body):
    """The sentence says so, and quotes nothing."""
    with pytest.raises(RequestWrong, match="malformed"):
        read(FormUpload(TYPE, io.BytesIO(body)))


@pytest.mark.parametrize(
    "before",
    [b"".join(FIELD.replace(b"npi", b"f%d" % number) for number in range(40)), FIELD * 2, b"x" * 300_000 + b"\r\n"],
    ids=["many", "one twice", "a long preamble"],
)
def test_a_form_that_goes_on_before_its_file_is_refused(before):
    """Nobody needs so much, and all of it costs time and memory."""
    with pytest.raises(RequestWrong):
        FormUpload(TYPE, io.BytesIO(before + FILE + END))


def test_what_stands_behind_the_form_is_not_read():
    """The end is the end, however much a client sends after it."""
    body = io.BytesIO(FILE + b"a,b" + END + b"x" * 10_000_000)
    form = FormUpload(TYPE, body)

    assert read(form) == b"a,b"
    assert body.tell() < 200_000


def test_a_body_of_unknown_length_may_be_more_than_a_server_takes():
    """Where nothing arrives and nothing says how much should, another try with a length helps."""
    with pytest.raises(RequestWrong, match="Content-Length") as wrong:
        FormUpload(TYPE, io.BytesIO(), has_length=False)
    assert wrong.value.code == "length_required"

    with pytest.raises(RequestWrong, match="broke off"):
        FormUpload(TYPE, io.BytesIO(b"--X"), has_length=False)


def test_a_part_without_a_name_is_no_file():
    """Nor is a part whose headers do not say what it is."""
    with pytest.raises(RequestWrong, match="no file"):
        FormUpload(TYPE, io.BytesIO(b"--X\r\nContent-Type: text/csv\r\n\r\na,b" + END))


@given(st.text(max_size=60), st.binary(max_size=300))
def test_any_body_is_a_file_or_a_sentence(content_type, body):
    """Nothing that a client sends ends in another exception."""
    for kind in (content_type, TYPE):
        with suppress(RequestWrong):
            assert isinstance(read(FormUpload(kind, io.BytesIO(body))), bytes)
