"""HTML of mails: as text, and safe to look at."""

import html as entities
import re

import nh3
from selectolax.lexbor import LexborHTMLParser, LexborNode

DEEPEST = 1000
LARGEST_HTML = 1_000_000  # characters; newsletters stay far below
_UNSEEN = "script, style, head, title, template, noscript, svg, object, [hidden]"
_HIDING = re.compile(
    r"display:none|visibility:hidden|mso-hide:all|opacity:0(?![.\d])|(?:font-size|max-height):0(?![.\d]*[1-9])",
    re.I,
)
_QUOTED = ".gmail_quote, blockquote[type=cite], .yahoo_quoted"
_BELOW = "#divRplyFwdMsg"  # from here on
_FORWARDED = re.compile(r"forwarded message|được chuyển tiếp", re.I)
_TAGS = {
    "a", "b", "blockquote", "br", "code", "div", "em", "h1", "h2", "h3", "h4", "hr", "i", "li", "ol", "p",
    "pre", "s", "span", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr", "u", "ul",
}  # fmt: skip
_BREAK = re.compile(r"<(?:br|hr)[^>]*>|</(?:p|div|h[1-4]|li|tr|table|blockquote|pre|ul|ol)>", re.I)
#: Beginnings and ends of elements, but not of those that end by themselves.
_TAG = re.compile(r"<(/?)(?!(?:br|img|hr|input|meta|link|p|li|td|th|tr|col|o:p)\b)[a-z]", re.I)
_LINK = re.compile(r'<a\b[^>]*?href="([^"]*)"[^>]*>(.*?)</a>', re.I | re.S)


def sanitised(html: str) -> str:
    """Nothing that runs, nothing that is loaded and nothing that is hidden: no images, no styles, no forms. Nothing
    at all of what is built to be slow."""
    return "" if _absurd(html) else _clean(_seen(html))


def text_of(html: str, *, quotes: bool = True) -> str:
    """What a reader sees; links in brackets behind their words. Without ``quotes``: without older mails."""
    if _absurd(html):
        return entities.unescape(re.sub(r"<[^>]{0,2000}>", "\n", html[:LARGEST_HTML]))
    tree = _seen(html)
    if not quotes:
        older = tree.css(_QUOTED)
        if (heading := tree.css_first(_BELOW)) is not None:
            older += _from(heading)
        for node in older:
            if not _FORWARDED.search(node.text()[:300]):
                node.decompose()
    clean = re.sub(r"\s+", " ", _clean(tree))
    clean = _BREAK.sub("\n", _LINK.sub(_link, clean))
    clean = re.sub(r"</t[dh]>", " ", clean)
    plain = entities.unescape(re.sub(r"<[^>]*>", "", clean))
    return "\n".join(line.strip() for line in plain.split("\n"))


def _from(node: LexborNode) -> list[LexborNode]:
    """The element and all that follow it beside it."""
    found: list[LexborNode] = []
    one: LexborNode | None = node
    while one is not None:
        found.append(one)
        one = one.next
    return found


def _absurd(html: str) -> bool:
    """Whether it is nested so deep that reading it takes very long: its time grows with the square of the depth."""
    depth = 0
    for tag in _TAG.finditer(html, 0, LARGEST_HTML):
        depth = max(0, depth + (-1 if tag[1] else 1))
        if depth > DEEPEST:
            return True
    return False


def _seen(html: str) -> LexborHTMLParser:
    """The document without what no reader sees."""
    tree = LexborHTMLParser(html[:LARGEST_HTML])
    for node in tree.css(_UNSEEN):
        node.decompose()
    for node in tree.css("[style]"):
        style = "".join((node.attributes.get("style") or "").split())
        resized = "font-size:0" in style and any(  # a trick of layout: what is inside has its own size
            "font-size" in (inner.attributes.get("style") or "")
            for inner in node.css("[style]")
            if inner != node
        )
        if _HIDING.search(style) and not resized:
            node.decompose()
    return tree


def _clean(tree: LexborHTMLParser) -> str:
    return nh3.clean(
        tree.html or "",
        tags=_TAGS,
        attributes={"a": {"href"}, "td": {"colspan", "rowspan"}},
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel="noopener noreferrer nofollow",
    )


def _link(found: re.Match[str]) -> str:
    target, words = found[1], re.sub(r"<[^>]*>", "", found[2]).strip()
    shown = target.removeprefix("mailto:").removeprefix("tel:")
    return words if not target.startswith("http") or words == shown else f"{words} ({shown})".strip()
