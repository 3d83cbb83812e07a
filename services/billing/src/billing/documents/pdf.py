"""The document for people: one or more A4 pages, in the language of the billing profile, from the right in Persian.

fpdf2 lays out and subsets the fonts, HarfBuzz shapes the letters. Dates and ids in the file come from the document.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from billing.documents.view import Document, Row
from billing.documents.words import Words
from billing.domain.parties import Address
from billing.money_proto import shown

_MARGIN = 18.0
_WIDTH = 210.0 - 2 * _MARGIN
_COLUMNS = (0.42, 0.14, 0.12, 0.15, 0.17)
_GREY, _BLACK, _RULE = (95, 95, 95), (20, 20, 20), (200, 200, 200)


class _Pages(FPDF):
    def __init__(self, words: Words, number: str, digest: str) -> None:
        super().__init__(format="A4")
        self._words = words
        self._number = number
        self._digest = digest
        fonts = resources.files("billing.documents").joinpath("fonts")
        for style, name in (("", "DejaVuSans.ttf"), ("B", "DejaVuSans-Bold.ttf")):
            self.add_font("text", style, Path(str(fonts.joinpath(name))))
        self.set_text_shaping(True, direction="rtl" if words.right_to_left else "ltr")
        self.set_margins(_MARGIN, _MARGIN)
        self.c_margin = 0.0
        self.set_auto_page_break(True, margin=24)

    def file_id(self) -> str:
        """The two halves of the trailer's /ID: of the document, not of the moment it was made."""
        half = self._digest[:32].upper().ljust(32, "0")
        return f"<{half}><{half}>"

    def footer(self) -> None:
        self.set_y(-16)
        self.set_font("text", size=8)
        self.set_text_color(*_GREY)
        words = self._words
        page = words.say("page", page=words.number(str(self.page_no())))
        near, far = ("R", "L") if words.right_to_left else ("L", "R")
        self.cell(_WIDTH / 2, 5, self._number if near == "L" else page, align="L")
        self.cell(_WIDTH / 2, 5, page if far == "R" else self._number, align="R")


def render(document: Document) -> bytes:
    """The file's bytes."""
    words = document.words
    pages = _Pages(words, document.number, document.digest)
    pages.set_creation_date(document.issue_time)
    title = words.say("credit_note" if document.of_number else "invoice")
    pages.set_title(f"{title} {document.number}")
    pages.set_author(document.seller.name)
    pages.set_lang(words.language)
    pages.add_page()
    _head(pages, document, title)
    _parties(pages, document)
    _table(pages, document)
    _totals(pages, document)
    _foot(pages, document)
    return bytes(pages.output())


def _sides(words: Words) -> tuple[str, str]:
    """Where a line begins and ends."""
    return ("R", "L") if words.right_to_left else ("L", "R")


def _head(pages: _Pages, document: Document, title: str) -> None:
    words = document.words
    begin, _ = _sides(words)
    pages.set_font("text", "B", 20)
    pages.set_text_color(*_BLACK)
    pages.cell(_WIDTH, 11, title, align=begin, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    pages.ln(1)
    facts = [(words.say("number"), document.number), (words.say("issue_date"), words.day(document.issue_date))]
    if document.due_date is not None:
        facts.append((words.say("due_date"), words.day(document.due_date)))
    facts.append((words.say("period"), f"{words.day(document.start)} – {words.day(document.end)}"))
    if document.purchase_order:
        facts.append((words.say("order"), document.purchase_order))
    if document.of_number:
        facts.append(("", words.say("of_invoice", number=document.of_number)))
    if document.follows:
        facts.append(("", document.follows))
    if document.reason:
        facts.append((words.say("reason"), document.reason))
    for name, value in facts:
        _pair(pages, words, name, value)
    pages.ln(4)


def _pair(pages: _Pages, words: Words, name: str, value: str) -> None:
    begin, _ = _sides(words)
    top = pages.get_y()
    first, second = 42.0, _WIDTH - 42.0
    left = _MARGIN if begin == "L" else _MARGIN + second
    pages.set_font("text", size=9)
    pages.set_text_color(*_GREY)
    pages.set_xy(left, top)
    pages.cell(first, 5.4, name, align=begin)
    pages.set_text_color(*_BLACK)
    pages.set_xy(_MARGIN + first if begin == "L" else _MARGIN, top)
    pages.multi_cell(second, 5.4, value, align=begin, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _parties(pages: _Pages, document: Document) -> None:
    words = document.words
    seller, buyer = document.seller, document.buyer
    blocks = [
        (
            words.say("seller"),
            _block(words, seller.name, seller.address, seller.tax_id, seller.registration_id, seller.email),
        ),
        (words.say("buyer"), _block(words, buyer.legal_name, buyer.address, buyer.tax_id, "", buyer.email)),
    ]
    begin, _ = _sides(words)
    top, bottom = pages.get_y(), pages.get_y()
    half = _WIDTH / 2
    for index, (name, lines) in enumerate(blocks):
        column = index if begin == "L" else 1 - index
        left = _MARGIN + column * half
        pages.set_xy(left, top)
        pages.set_font("text", "B", 9)
        pages.set_text_color(*_GREY)
        pages.cell(half - 4, 5.4, name, align=begin)
        y = top + 6
        pages.set_text_color(*_BLACK)
        for number, line in enumerate(lines):
            pages.set_font("text", "B" if number == 0 else "", 9.5)
            pages.set_xy(left, y)
            pages.multi_cell(half - 4, 4.8, line, align=begin, new_x=XPos.LEFT, new_y=YPos.NEXT)
            y = pages.get_y()
        bottom = max(bottom, y)
    pages.set_xy(_MARGIN, bottom + 6)


def _block(words: Words, name: str, address: Address, tax_id: str, registration: str, email: str) -> list[str]:
    found = [name or "—", *address.lines()]
    if tax_id:
        found.append(f"{words.say('tax_id')}: {tax_id}")
    if registration:
        found.append(f"{words.say('registration')}: {registration}")
    return [*found, email] if email else found


def _table(pages: _Pages, document: Document) -> None:
    words = document.words
    heads = [words.say(key) for key in ("description", "quantity", "included", "unit_price", "amount")]
    if document.of_number:
        heads = [heads[0], "", "", "", heads[4]]
    pages.set_font("text", "B", 8.5)
    pages.set_text_color(*_GREY)
    _cells(pages, words, heads, 6)
    _rule(pages)
    pages.set_text_color(*_BLACK)
    for row in document.rows:
        _row(pages, document, row)
        _rule(pages)
    pages.ln(3)


def _row(pages: _Pages, document: Document, row: Row) -> None:
    words, line = document.words, row.line
    pages.set_font("text", size=9)
    quantity, included, price = "", "", ""
    if line.quantity:
        quantity, included = (words.number(_short(shown(each))) for each in (line.quantity, line.included))
        price = words.amount(line.unit_price)
    dates = "" if document.of_one_period else f"{words.day(row.start)} – {words.day(row.end)}"
    text = f"{row.description}\n{dates}" if dates else row.description
    if line.discount:
        text += f"\n{words.say('discount')}: {words.amount(-line.discount)}"
    _cells(pages, words, [text, quantity, included, price, words.amount(line.amount)], 5.2)


def _short(text: str) -> str:
    # Ten digits prove a quantity, four show it.
    whole, point, rest = text.partition(".")
    return f"{whole}{point}{rest[:4]}" if len(rest) > 4 else text


def _cells(pages: _Pages, words: Words, texts: Sequence[str], height: float) -> None:
    begin, end = _sides(words)
    widths = [share * _WIDTH for share in _COLUMNS]
    wrapped = pages.multi_cell(widths[0] - 2, height, texts[0], dry_run=True, output="LINES")
    lines = len(wrapped) if isinstance(wrapped, list) else 1
    if pages.will_page_break(lines * height + 2):
        pages.add_page()
    top = pages.get_y() + 1
    left = _MARGIN
    for index in range(len(texts)) if begin == "L" else reversed(range(len(texts))):
        pages.set_xy(left, top)
        align = begin if index == 0 else end
        if index == 0:
            pages.set_x(left + (2 if begin == "R" else 0))
            pages.multi_cell(widths[0] - 2, height, texts[0], align=begin)
        else:
            pages.cell(widths[index], height, texts[index], align=align)
        left += widths[index]
    pages.set_xy(_MARGIN, top + lines * height + 1)


def _rule(pages: _Pages) -> None:
    pages.set_draw_color(*_RULE)
    pages.line(_MARGIN, pages.get_y(), _MARGIN + _WIDTH, pages.get_y())


def _totals(pages: _Pages, document: Document) -> None:
    words = document.words
    rows = [(words.say("subtotal"), document.subtotal)]
    rows += [(name or words.say("discount"), -amount) for name, amount in document.discounts]
    for tax in document.taxes:
        percent = words.number(f"{tax.percent:f}")
        if not tax.included:
            rows.append((words.say("tax", name=tax.name, percent=percent, base=words.amount(tax.base)), tax.amount))
    for name, amount in rows:
        _sum(pages, words, name, words.amount(amount), "")
    _sum(pages, words, words.say("total"), words.amount(document.total, document.currency), "B")
    for tax in document.taxes:
        if tax.included:
            percent, amount = words.number(f"{tax.percent:f}"), words.amount(tax.amount)
            _sum(pages, words, words.say("tax_included", name=tax.name, percent=percent, amount=amount), "", "")
    if document.due_date is not None and document.total > 0:
        _sum(pages, words, words.say("to_pay", date=words.day(document.due_date)), "", "")
    pages.ln(5)


def _sum(pages: _Pages, words: Words, name: str, value: str, style: str) -> None:
    begin, end = _sides(words)
    if pages.will_page_break(7):
        pages.add_page()
    top = pages.get_y()
    pages.set_font("text", style, 11 if style else 9)
    left_share = _WIDTH * 0.72
    pages.set_xy(_MARGIN if begin == "L" else _MARGIN + _WIDTH - left_share, top)
    pages.cell(left_share, 6.4, name, align=end)
    pages.set_xy(_MARGIN + left_share if begin == "L" else _MARGIN, top)
    pages.cell(_WIDTH - left_share, 6.4, value, align=end, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    pages.set_x(_MARGIN)


def _foot(pages: _Pages, document: Document) -> None:
    words = document.words
    begin, _ = _sides(words)
    parts = [(words.say("how_to_pay"), "" if document.of_number else document.seller.payment_instructions),
             (words.say("notes"), document.notes)]  # fmt: skip
    for name, text in parts:
        if not text:
            continue
        pages.set_font("text", "B", 9)
        pages.set_text_color(*_GREY)
        pages.cell(_WIDTH, 5.4, name, align=begin, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        pages.set_font("text", size=9)
        pages.set_text_color(*_BLACK)
        pages.multi_cell(_WIDTH, 4.8, text, align=begin, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        pages.ln(3)
