"""Charts as SVG in the page: lines with bands over sessions or over parts of the log. Colours are the page's classes `c0`, `c1`, ...,
so that they follow light and dark; legends are HTML beside them, which wraps and is never cut off. The same data give the same bytes."""

import math
from html import escape

WIDTH, HEIGHT = 440, 300
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 10, 40


def number(value):
    """A coordinate: two decimals, without trailing zeros."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def ticks(low, high, most=5):
    """Round values from `low` to `high`."""
    if not high > low:
        return [low]
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [at * step for at in range(first, int(math.floor(high / step + 1e-9)) + 1)]


def tick_text(value):
    return f"{value:,.10g}" if abs(value) >= 1000 else f"{value:.10g}"


def line_chart(series, title, x_label, y_label, x_ticks=None, x_range=None, levels=(), low=0.0):
    """`series`: (class, x, mean, low or None, high or None, dashed). `levels`: (class, value), drawn across and dashed.
    `x_ticks`: (x, text) pairs; round numbers where left out. `x_range`: from where to where; as far as the lines go where left out.
    `title` is read to those who cannot see it."""
    xs = x_range or [x for _, x, *_ in series for x in x]
    ys = [y for _, _, *lines, _ in series for line in lines if line is not None for y in line if not math.isnan(y)]
    ys += [value for _, value in levels]
    x_low, x_high = min(xs), max(xs)
    low, high = min([low] + ys), max(ys)
    high += 0.05 * (high - low) or 1.0
    if not x_high > x_low:
        x_high = x_low + 1

    def place(x, y):
        return (
            LEFT + (x - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - (y - low) / (high - low) * (HEIGHT - TOP - BOTTOM),
        )

    parts = [f'<p class="axis">{escape(y_label)}</p><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">']
    for value in ticks(low, high):
        _, y = place(x_low, value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{number(y)}" y2="{number(y)}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{number(y + 4)}" text-anchor="end">{tick_text(value)}</text>')
    for x, text in x_ticks or [(value, tick_text(value)) for value in ticks(x_low, x_high, 4)]:
        at, _ = place(x, low)
        anchor = "end" if at > WIDTH - 40 else "middle"
        parts.append(f'<text x="{number(at)}" y="{HEIGHT - BOTTOM + 17}" text-anchor="{anchor}">{escape(text)}</text>')
    parts.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 5}" text-anchor="end">{escape(x_label)}</text>')
    for kind, value in levels:
        (x1, y), (x2, _) = place(x_low, value), place(x_high, value)
        parts.append(f'<path class="line dashed {kind}" d="M{number(x1)} {number(y)}H{number(x2)}"/>')
    for kind, x, _, lower, upper, _ in series:
        if lower is not None and not any(math.isnan(y) for y in lower):
            up = [place(*point) for point in zip(x, upper)]
            down = [place(*point) for point in zip(reversed(x), reversed(list(lower)))]
            path = "L".join(f"{number(a)} {number(b)}" for a, b in up + down)
            parts.append(f'<path class="band {kind}" d="M{path}Z"/>')
    for kind, x, mean, _, _, dashed in series:
        points = [place(*point) for point in zip(x, mean)]
        path = "L".join(f"{number(a)} {number(b)}" for a, b in points)
        parts.append(f'<path class="line {"dashed " if dashed else ""}{kind}" d="M{path}"/>')
        if x_ticks:
            parts += [f'<circle class="dot {kind}" cx="{number(a)}" cy="{number(b)}" r="3"/>' for a, b in points]
    parts.append("</svg>")
    return "".join(parts)


def legend(entries):
    """`entries`: (class, dashed, label)."""
    items = "".join(
        f'<li><svg viewBox="0 0 28 10" width="28" height="10" aria-hidden="true"><path class="line {"dashed " if dashed else ""}{kind}" '
        f'd="M1 5H27"/></svg>{escape(label)}</li>'
        for kind, dashed, label in entries
    )
    return f'<ul class="legend">{items}</ul>'
