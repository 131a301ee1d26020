"""Pieces of the page: numbers, tables, the page around them."""

import math
from html import escape
from pathlib import Path

STYLE = Path(__file__).with_name("page.css")


def digits(*values):
    """Decimals that tell values of this size apart: three, four below 0.2, two from 100 on."""
    largest = max((abs(value) for value in values if not math.isnan(value)), default=0)
    return 4 if largest < 0.2 else 3 if largest < 100 else 1


def plain(value, decimals):
    if math.isnan(value):
        return "–"
    return f"{value:,.{decimals}f}".replace("-", "−")


def signed(value, decimals):
    text = plain(value, decimals)
    return text if math.isnan(value) or value < 0 else f"+{text}"


def with_interval(triple, show=plain, decimals=None):
    """Mean over [low, high]."""
    mean, low, high = triple
    decimals = digits(mean, low, high) if decimals is None else decimals
    bounds = "" if math.isnan(low) else f'<span class="interval">[{show(low, decimals)}, {show(high, decimals)}]</span>'
    return show(mean, decimals) + bounds


def p_text(p):
    if math.isnan(p):
        return "–"
    return "&lt; 0.001" if p < 0.001 else f"{p:.3f}"


def judged(mean, p, text):
    """Coloured where the difference is clear after the correction, and marked, for those who do not see colours."""
    if math.isnan(p) or p >= 0.05:
        return text
    return f'<span class="{"better" if mean > 0 else "worse"}">{"▲" if mean > 0 else "▼"} {text}</span>'


def table(head, rows, caption=None):
    """`rows`: (first cell, [cells], whether it is ours); cells are HTML already, heads and first cells are not."""
    cells = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(
        f"<tr{' class=ours' if ours else ''}><th>{escape(first)}</th>{''.join(f'<td>{cell}</td>' for cell in rest)}</tr>"
        for first, rest, ours in rows
    )
    note = f'<p class="soft">{caption}</p>' if caption else ""
    return f'<div class="scroll" tabindex="0"><table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table></div>{note}'


def figure(caption, chart):
    return f"<figure><figcaption>{escape(caption)}</figcaption>{chart}</figure>"


def page(title, body):
    """One file: no script, no font, nothing from elsewhere."""
    style = STYLE.read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )
