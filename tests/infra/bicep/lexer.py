"""Bicep's tokens. A text with holes is one token that holds the texts of its holes."""

from __future__ import annotations

import re
from dataclasses import dataclass

SIGNS = re.compile(r"::|\?\?|\.\?|\[\?|&&|\|\||==|!=|=~|!~|<=|>=|=>|[{}\[\]()@:,.?=<>!+\-*/%|]")
WORD = re.compile(r"[A-Za-z_]\w*")
NUMBER = re.compile(r"\d+")
BLANK = re.compile(r"[ \t\r]+|//[^\n]*|/\*.*?\*/", re.DOTALL)
ESCAPES = {"'": "'", "\\": "\\", "n": "\n", "r": "\r", "t": "\t", "$": "$"}


class Unreadable(Exception):
    """A text that is not in the subset."""


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text: `kind` is word, number, text, sign or end."""

    kind: str
    value: str
    line: int
    first: bool  # on its line
    parts: tuple[str | tuple[str], ...] = ()  # of a text: literal parts, and holes as tuples of one


def tokens(text: str) -> list[Token]:
    """Cut a file into tokens. Raises Unreadable."""
    found: list[Token] = []
    at, line, first = 0, 1, True
    while at < len(text):
        if text[at] == "\n":
            at, line, first = at + 1, line + 1, True
            continue
        if blank := BLANK.match(text, at):
            at, line = blank.end(), line + blank[0].count("\n")
            continue
        token, at = _one(text, at, line, first)
        found.append(token)
        line, first = line + token.value.count("\n"), False
    return [*found, Token("end", "", line, first=True)]


def _one(text: str, at: int, line: int, first: bool) -> tuple[Token, int]:
    if text.startswith("'''", at):
        end = text.index("'''", at + 3)
        body = text[at + 3 : end].removeprefix("\n")
        return Token("text", text[at:end], line, first, (body,)), end + 3
    if text[at] == "'":
        parts, end = _quoted(text, at + 1)
        return Token("text", text[at:end], line, first, tuple(parts)), end
    for kind, pattern in (("word", WORD), ("number", NUMBER), ("sign", SIGNS)):
        if match := pattern.match(text, at):
            return Token(kind, match[0], line, first), match.end()
    raise Unreadable(f"line {line}: {text[at : at + 20]!r}")


def _quoted(text: str, at: int) -> tuple[list[str | tuple[str]], int]:
    parts: list[str | tuple[str]] = []
    plain = ""
    while text[at] != "'":
        if text[at] == "\\":
            plain, at = plain + ESCAPES[text[at + 1]], at + 2
        elif text.startswith("${", at):
            end = _end_of_hole(text, at + 2)
            parts += [plain] * bool(plain) + [(text[at + 2 : end],)]
            plain, at = "", end + 1
        else:
            plain, at = plain + text[at], at + 1
    return parts + [plain] * bool(plain), at + 1


def _end_of_hole(text: str, at: int) -> int:
    depth = 0
    while depth or text[at] != "}":
        if text[at] == "'":
            _, at = _quoted(text, at + 1)
            continue
        depth += (text[at] == "{") - (text[at] == "}")
        at += 1
    return at
