"""The report: one HTML file without outside parts; bars are told apart by pattern and by the numbers on them."""

from collections.abc import Mapping
from html import escape

from bot.evaluation.figures import Figure
from bot.evaluation.turns import Confusions

WIDTH, ROW, LEFT = 760, 26, 250
_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse}td,th{border:1px solid;padding:.2rem .6rem;text-align:left}svg text{font-size:13px}"
)


def as_html(
    figures: Mapping[str, Figure], before: Mapping[str, Figure], confusions: Confusions, fallen: list[str]
) -> str:
    verdict = (
        "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in fallen) + "</ul>"
        if fallen
        else "<p>Không có chỉ số nào giảm quá biên độ.</p>"
    )
    groups: dict[str, dict[str, Figure]] = {}
    for name, figure in figures.items():
        groups.setdefault(_group(name), {})[name] = figure
    charts = "".join(f"<h2>{escape(group)}</h2>{_chart(rows, before)}" for group, rows in groups.items())
    mixed = "".join(
        f"<tr><td>{escape(a)}</td><td>{escape(b)}</td><td>{n}</td></tr>"
        for (a, b), n in confusions.most_common(40)
    )
    return (
        f'<!doctype html><html lang="vi"><meta charset="utf-8"><title>Đánh giá bot 1022</title><style>{_STYLE}</style>'
        "<h1>Đánh giá bot 1022</h1><p>Thanh đặc: lần này. Vạch đứng: lần trước. Gạch ngang: biên độ (độ lệch chuẩn bootstrap).</p>"
        f"{verdict}{charts}<h2>Nhầm lẫn nhiều nhất</h2><table><tr><th>Đúng ra</th><th>Bot hiểu</th><th>Số lần</th></tr>{mixed}</table></html>\n"
    )


def _group(name: str) -> str:
    return name.rpartition(".")[0] or "toàn bộ"


def _chart(rows: Mapping[str, Figure], before: Mapping[str, Figure]) -> str:
    room = WIDTH - LEFT - 150
    parts = []
    for place, (name, figure) in enumerate(rows.items()):
        top, end = place * ROW, LEFT + room * figure.value
        said = f"{figure.value:.1%} (n={figure.n})"
        half = room * figure.spread
        parts.append(
            f'<text x="0" y="{top + 17}">{escape(name)}</text>'
            f'<rect x="{LEFT}" y="{top + 5}" width="{end - LEFT:.1f}" height="14" fill="#777"/>'
            f'<path d="M{end - half:.1f} {top + 12}H{end + half:.1f}" stroke="#000" stroke-width="2"/>'
        )
        if name in before:
            was = before[name].value
            said += f" · trước {was:.1%}"
            at = LEFT + room * was
            parts.append(f'<path d="M{at:.1f} {top + 2}V{top + 22}" stroke="#000" stroke-width="3"/>')
        parts.append(
            f'<text x="{min(end + half + 6, WIDTH - 190):.1f}" y="{top + 17}" stroke="#fff" stroke-width="3" paint-order="stroke">{said}</text>'
        )
    height = len(rows) * ROW
    return f'<svg role="img" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"><title>{len(rows)} chỉ số</title>{"".join(parts)}</svg>'
