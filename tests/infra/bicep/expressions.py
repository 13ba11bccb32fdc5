"""Reads Bicep's expressions, by precedence. What continues on the next line must say so: an index or a call begins on its own line's end."""

from __future__ import annotations

from tests.infra.bicep import syntax as s
from tests.infra.bicep.lexer import Token, Unreadable, tokens

#: From the loosest to the tightest; the ternary is looser than all.
LEVELS = (("??",), ("||",), ("&&",), ("==", "!=", "=~", "!~"), ("<", ">", "<=", ">="), ("+", "-"), ("*", "/", "%"))
CONSTANTS = {"true": True, "false": False, "null": None}


class Expressions:
    """A cursor over tokens, and what can be read from there."""

    def __init__(self, found: list[Token]) -> None:
        self.tokens = found
        self.at = 0

    @property
    def now(self) -> Token:
        """The next token."""
        return self.tokens[self.at]

    def wrong(self, why: str) -> Unreadable:
        """Say what is wrong, and where."""
        return Unreadable(f"line {self.now.line}: {why} (at {self.now.value!r})")

    def take(self, sign: str) -> bool:
        """Step over a sign if it comes next."""
        there = self.now.kind == "sign" and self.now.value == sign
        self.at += there
        return there

    def take_word(self, word: str) -> bool:
        """Step over a word if it comes next."""
        there = self.now.kind == "word" and self.now.value == word
        self.at += there
        return there

    def need(self, sign: str) -> None:
        """Step over a sign. Raises Unreadable where it is missing."""
        if not self.take(sign):
            raise self.wrong(f"{sign} is missing")

    def word(self) -> str:
        """Read a word."""
        if self.now.kind != "word":
            raise self.wrong("a word is missing")
        self.at += 1
        return self.tokens[self.at - 1].value

    def plain_text(self) -> str:
        """Read a text without holes."""
        match self.primary():
            case s.Literal(value=str(text)):
                return text
        raise self.wrong("a plain text is missing")

    def type_text(self) -> str:
        """Read a type, as text."""
        begin = self.at
        while True:
            if self.take("("):
                self.type_text()
                self.need(")")
            elif self.now.kind in {"word", "text", "number"}:
                self.at += 1
            else:
                raise self.wrong("a type is missing")
            while not self.now.first and (self.take("[") or self.take("]") or self.take("?")):
                pass
            if not self.take("|"):
                return " ".join(token.value for token in self.tokens[begin : self.at])

    def body(self) -> s.Expr:
        """Read what a declaration is given: a condition, a loop, or any expression."""
        if self.take_word("if"):
            self.need("(")
            condition = self.expression()
            self.need(")")
            return s.If(condition, self.body())
        return self.expression()

    def expression(self) -> s.Expr:
        """Read an expression."""
        condition = self._binary(0)
        if not self.take("?"):
            return condition
        then = self.expression()
        self.need(":")
        return s.Ternary(condition, then, self.expression())

    def arguments(self) -> tuple[s.Expr, ...]:
        """Read the arguments of a call."""
        self.need("(")
        found = []
        while not self.take(")"):
            found.append(self.expression())
            self.take(",")
        return tuple(found)

    def _binary(self, level: int) -> s.Expr:
        if level == len(LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while self.now.kind == "sign" and self.now.value in LEVELS[level]:
            sign = self.now.value
            self.at += 1
            left = s.Operation(sign, (left, self._binary(level + 1)))
        return left

    def _unary(self) -> s.Expr:
        for sign in ("!", "-"):
            if self.take(sign):
                return s.Operation(sign, (self._unary(),))
        return self._postfix(self.primary())

    def _postfix(self, of: s.Expr) -> s.Expr:
        while not self.now.first:
            if self.take("."):
                of = s.Member(of, self.word())
            elif self.take(".?"):
                of = s.Member(of, self.word(), safe=True)
            elif self.take("::"):
                of = s.Nested(of, self.word())
            elif self.take("[") or self.take("[?"):
                safe = self.tokens[self.at - 1].value == "[?"
                of = s.Index(of, self.expression(), safe)
                self.need("]")
            elif self.take("!"):
                of = s.Operation("!.", (of,))
            else:
                return of
        return of

    def primary(self) -> s.Expr:
        """Read the innermost part of an expression."""
        token = self.now
        self.at += 1
        match token.kind, token.value:
            case "number", value:
                return s.Literal(int(value))
            case "text", _:
                return _text(token)
            case "word", value if value in CONSTANTS:
                return s.Literal(CONSTANTS[value])
            case "word", value:
                return self._word(value)
            case "sign", "(":
                return self._parenthesized()
            case "sign", "[":
                return self._array()
            case "sign", "{":
                return self._object()
        self.at -= 1
        raise self.wrong("an expression is missing")

    def _word(self, word: str) -> s.Expr:
        if self.take("=>"):
            return s.Lambda((word,), self.expression())
        if self.now.value == "(" and not self.now.first:
            return s.Call(word, self.arguments())
        return s.Name(word)

    def _parenthesized(self) -> s.Expr:
        begin = self.at
        names = []
        while self.now.kind == "word":
            names.append(self.word())
            self.take(",")
        if self.take(")") and self.take("=>"):
            return s.Lambda(tuple(names), self.expression())
        self.at = begin
        inner = self.expression()
        self.need(")")
        return inner

    def _array(self) -> s.Expr:
        if self.take_word("for"):
            return self._loop()
        items = []
        while not self.take("]"):
            items.append(self.expression())
            self.take(",")
        return s.ArrayOf(tuple(items))

    def _loop(self) -> s.Expr:
        item, index = "", ""
        if self.take("("):
            item = self.word()
            self.need(",")
            index = self.word()
            self.need(")")
        else:
            item = self.word()
        if not self.take_word("in"):
            raise self.wrong("a loop says over what")
        over = self.expression()
        self.need(":")
        body = self.body()
        self.need("]")
        return s.For(item, index, over, body)

    def _object(self) -> s.Expr:
        members: list[tuple[s.Expr, s.Expr]] = []
        nested = []
        while not self.take("}"):
            if self.take_word("resource") and self.now.value != ":":
                nested.append(self.resource()[1])
                continue
            key = self.primary()
            self.need(":")
            members.append((s.Literal(key.id) if isinstance(key, s.Name) else key, self.expression()))
            self.take(",")
        return s.ObjectOf(tuple(members), tuple(nested))

    def resource(self) -> tuple[str, s.Resource]:
        """Read a nested resource; declarations know how."""
        raise self.wrong("a resource stands in no expression")


def _text(token: Token) -> s.Expr:
    parts = tuple(part if isinstance(part, str) else Expressions(tokens(part[0])).expression() for part in token.parts)
    if all(isinstance(part, str) for part in parts):
        return s.Literal("".join(str(part) for part in parts))
    return s.Text(parts)
