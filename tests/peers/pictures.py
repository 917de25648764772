"""Line charts as SVG: panels side by side, both axes logarithmic."""

import math
from html import escape

PANEL, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 380, 270, 62, 14, 56, 46
COLOURS = ["#1f5fa8", "#c4541c", "#3a8a3f", "#7a4aa0"]


def chart(title, panels):
    """`panels`: (name of x, name of y, {line: [(x, y), ..]}); all numbers above 0. Returns the text of an SVG file."""
    width = PANEL * len(panels)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" width="{width}" height="{HEIGHT}" '
             'font-family="Helvetica, Arial, sans-serif" font-size="12">',
             f"<title>{escape(title)}</title>", f'<rect width="{width}" height="{HEIGHT}" fill="white"/>',
             text(LEFT, 20, title, "font-weight='bold' font-size='14'")]
    lines = list(panels[0][2])
    place = LEFT
    for number, line in enumerate(lines):
        parts.append(f'<path d="M{place} 38h20" stroke="{COLOURS[number]}" stroke-width="2"/>')
        parts.append(text(place + 26, 42, line))
        place += 40 + 7 * len(line)
    for number, panel in enumerate(panels):
        parts += draw(PANEL * number, *panel)
    return "\n".join([*parts, "</svg>"]) + "\n"


def draw(offset, x_name, y_name, lines):
    points = [point for line in lines.values() for point in line]
    x_axis = Axis([x for x, _ in points], offset + LEFT, offset + PANEL - RIGHT)
    y_axis = Axis([y for _, y in points], HEIGHT - BOTTOM, TOP)
    left, right, bottom = offset + LEFT, offset + PANEL - RIGHT, HEIGHT - BOTTOM
    parts = []
    for value, place in y_axis.ticks():
        parts.append(f'<path d="M{left} {place:.1f}H{right}" stroke="#dddddd"/>')
        parts.append(text(left - 6, place + 4, short(value), "text-anchor='end'"))
    for value, place in x_axis.ticks():
        parts.append(f'<path d="M{place:.1f} {TOP}V{bottom}" stroke="#dddddd"/>')
        parts.append(text(place, bottom + 16, short(value), "text-anchor='middle'"))
    parts.append(f'<path d="M{left} {TOP}V{bottom}H{right}" fill="none" stroke="#444444"/>')
    parts.append(text((left + right) / 2, bottom + 36, x_name, "text-anchor='middle'"))
    middle = (TOP + bottom) / 2
    parts.append(text(offset + 14, middle, y_name, f"text-anchor='middle' transform='rotate(-90 {offset + 14} {middle})'"))
    for colour, line in zip(COLOURS, lines.values()):
        places = [(x_axis.at(x), y_axis.at(y)) for x, y in line]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
    return parts


class Axis:
    """Values on a logarithmic scale, between two places on the paper."""

    def __init__(self, values, start, end):
        self.low, self.high = min(values) / 1.3, max(values) * 1.3
        # Three quarters of a decade at least, so that small differences look small.
        missing = max(5.6 / (self.high / self.low), 1.0) ** 0.5
        self.low, self.high = self.low / missing, self.high * missing
        self.start, self.end = start, end

    def at(self, value):
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self):
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        steps = (1,) if math.log10(self.high / self.low) > 2.2 else (1, 2, 5)
        values = [step * 10.0**decade for decade in decades for step in steps]
        return [(value, self.at(value)) for value in values if self.low <= value <= self.high]


def text(x, y, words, more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(words)}</text>'


def short(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:g}"
