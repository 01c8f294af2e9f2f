"""Addresses of databases, which hold no secrets themselves: ${NAME} stands for a variable of the environment."""

import os
import re
from collections.abc import Mapping
from urllib.parse import quote

from nas.errors import InputError

_NAME = r"\$\{[A-Za-z_][A-Za-z0-9_]*\}"
_WORD = rf"(?:[\w.%-]|{_NAME})+"
_ADDRESS = re.compile(
    rf"(?:postgresql|mysql|mariadb)(?:\+\w+)?://(?:{_WORD}(?::{_NAME})?@)?(?:{_WORD}|\[[\da-f:]+\])(?::(?:\d+|{_NAME}))?"
    rf"/{_WORD}(?:\?(?!(?:.*&)?(?:ssl)?passw(?:or)?d=)[\w.=&%/:-]*)?",
    re.IGNORECASE,
)
EXPECTED = (
    "postgresql+psycopg://USER:${PASSWORD}@HOST/DATABASE or mysql+pymysql://..., where ${PASSWORD} is a variable of "
    "the environment, or ${ADDRESS} alone"
)


def check_address(text: str) -> str:
    """The address as it is; raises `InputError`, which does not repeat it, where it is none or holds a password."""
    if re.fullmatch(_NAME, text) or _ADDRESS.fullmatch(text):
        return text
    found = "a password" if re.search(r"://[^/]*:[^/]*@|passw(or)?d=", text, re.IGNORECASE) else "no such address"
    raise InputError(f"found {found}; expected {EXPECTED}")


def filled_in(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """The address with what the environment says. Raises `InputError` for a name that it lacks."""
    whole = re.fullmatch(_NAME, text) is not None

    def value(found: re.Match[str]) -> str:
        name = found[0][2:-1]
        if not environment.get(name):
            raise InputError(f"the environment has no {name}; expected it set, as {text} asks for it")
        return environment[name] if whole else quote(environment[name], safe="")

    return re.sub(_NAME, value, text)


def without_password(text: str) -> str:
    """The text with *** for what may be a password in it."""
    text = re.sub(rf"(://[^:@/\s]*:)(?!{_NAME}@)\S*@", r"\1***@", text)
    return re.sub(r"(passw(?:or)?d=)[^&\s'\"]+", r"\1***", text, flags=re.IGNORECASE)
