import pytest

from nas.errors import InputError
from nas.search.address import check_address, filled_in, without_password


@pytest.mark.parametrize(
    "text",
    [
        "postgresql+psycopg://me:${DB_PASSWORD}@db.example.org:5432/studies",
        "postgresql://localhost/studies?sslmode=require",
        "mysql+pymysql://${USER}:${PASSWORD}@[::1]:${PORT}/studies",
        "${DATABASE}",
    ],
)
def test_addresses_without_secrets_are_taken(text):
    assert check_address(text) == text
    assert without_password(text) == text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("postgresql+psycopg://me:secret@host/studies", "a password"),
        ("postgresql://me:p@ss/secret@host/studies", "a password"),
        ("postgresql://me:${A}secret@host/studies", "a password"),
        ("postgresql://host/studies?user=me&password=secret", "a password"),
        ("mysql://host/studies?passwd=secret", "a password"),
        ("oracle://secret/studies", "no such address"),
        ("postgresql://host", "no such address"),
        ("sqlite:///secret.db", "no such address"),
        ("${A}${B}", "no such address"),
        ("", "no such address"),
    ],
)
def test_others_are_refused_and_not_repeated(text, found):
    with pytest.raises(InputError, match=f"^found {found}; expected postgresql") as refused:
        check_address(text)
    assert "secret" not in str(refused.value)


def test_the_environment_fills_in_what_any_password_may_hold():
    environment = {"P": "p@ss/w:rd%", "WHOLE": "postgresql://me:secret@host/x"}
    assert filled_in("mysql://me:${P}@h/x", environment) == "mysql://me:p%40ss%2Fw%3Ard%25@h/x"
    assert filled_in("${WHOLE}", environment) == environment["WHOLE"]
    with pytest.raises(InputError, match="the environment has no Q; expected it set"):
        filled_in("mysql://me:${Q}@h/x", environment)


@pytest.mark.parametrize(
    "text",
    ["s=postgresql://me:se@cr/et@host/x", "s=postgresql://me:${A}secret@host/x", "a: mysql://h/x?passwd=secret&b=c"],
)
def test_passwords_are_hidden_in_what_is_shown(text):
    shown = without_password(text)
    assert "secret" not in shown
    assert "cr/et" not in shown
    assert "***" in shown
