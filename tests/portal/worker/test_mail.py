"""Notices by mail, through a real mail server."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import pytest

from portal.domain.errors import Unavailable
from portal.worker import Mail, Notice
from tests.certified import Certified
from tests.portal.service.site import run
from tests.post_office import PASSWORD, USER, PostOffice, open_office

ABOUT = {"project": "heart", "state": "in_review", "request": "abc"}
ANN, CARL = "ann@example.org", "carl@example.org"
SENDER = "airlock@tre.example.org"
HOST = "localhost"
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH")


@pytest.fixture
def certified(tmp_path: Path) -> Certified:
    """Certify this machine's mail server."""
    return Certified.made(tmp_path, [HOST])


def notice(*addresses: str) -> Notice:
    return Notice("n1", "in_review", ABOUT, addresses)


def mail(office: PostOffice, certified: Certified, encryption: str = "starttls") -> Mail:
    return Mail(
        host=HOST,
        port=office.port,
        sender=SENDER,
        link="https://portal.example.org/",
        encryption=encryption,  # pyright: ignore[reportArgumentType]
        user="" if encryption == "none" else USER,
        password=PASSWORD,
        authority=certified.authority,
    )


@pytest.mark.parametrize("encryption", ["starttls", "tls", "none"])
def test_each_person_gets_a_letter_of_their_own(certified: Certified, encryption: str) -> None:
    with open_office(certified, encryption) as office:
        run(mail(office, certified, encryption).send(notice(ANN, CARL)))
    assert set(office.boxes) == {ANN, CARL}
    for address, letters in office.boxes.items():
        (letter,) = letters
        assert (letter["To"], letter["From"]) == (address, SENDER)
        assert letter["Subject"] == "Airlock: a request of heart is in review"
        assert "https://portal.example.org/requests/abc" in letter.get_content()
        assert {ANN, CARL} - {address} & set(str(letter).split()) == set()
    assert office.encrypted == [encryption != "none"] * 2


@pytest.mark.parametrize("encryption", ["starttls", "tls"])
def test_a_server_that_nobody_vouches_for_gets_nothing(certified: Certified, encryption: str) -> None:
    with open_office(certified, encryption) as office, pytest.raises(Unavailable):
        run(dataclasses.replace(mail(office, certified, encryption), authority=None).send(notice(ANN)))
    assert office.boxes == {}


def test_a_server_without_encryption_gets_nothing_where_it_is_wanted(certified: Certified) -> None:
    with open_office(certified, "none") as office, pytest.raises(Unavailable):
        run(mail(office, certified).send(notice(ANN)))
    assert office.boxes == {}


def test_a_wrong_password_is_told_and_is_in_no_log(
    certified: Certified, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with open_office(certified) as office, pytest.raises(Unavailable) as told:
        run(dataclasses.replace(mail(office, certified), password="wrong-and-secret").send(notice(ANN)))
    assert office.boxes == {}
    assert "wrong-and-secret" not in caplog.text + str(told.value) + repr(mail(office, certified))


@pytest.mark.parametrize(
    "address", ["gone@example.org", "no address\r\nBcc: all@example.org", "\u00e5sa@example.org"]
)
def test_whoever_cannot_be_written_to_holds_up_nobody_else(certified: Certified, address: str) -> None:
    with open_office(certified) as office:
        office.refused["gone@example.org"] = "550 no such mailbox"
        run(mail(office, certified).send(notice(address, CARL)))
    assert CARL in office.boxes
    assert "all@example.org" not in office.boxes


def test_whoever_is_to_wait_gets_the_letter_later(certified: Certified) -> None:
    with open_office(certified) as office:
        office.refused[ANN] = "451 greylisted, come again"
        with pytest.raises(Unavailable):
            run(mail(office, certified).send(notice(ANN, CARL)))
        del office.refused[ANN]
        run(mail(office, certified).send(notice(ANN, CARL)))
    assert len(office.boxes[ANN]) == 1
    assert len({letter["Message-ID"] for letter in office.boxes[CARL]}) == 1
