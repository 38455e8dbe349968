"""Settings of the browser that tests use for NetBox and the Temporal Web UI."""

from typing import Final

from playwright.async_api import ViewportSize

SCREEN: Final[ViewportSize] = {"width": 1440, "height": 860}

NARROW_SCREEN: Final[ViewportSize] = {"width": 1024, "height": 860}
"""A small screen, on which NetBox still shows its two columns."""

FIND_BROKEN_WORDS: Final = """element => {
    const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    const broken = [];
    while (texts.nextNode()) {
        for (const word of texts.currentNode.data.matchAll(/[^\\s-]+/g)) {
            const range = document.createRange();
            range.setStart(texts.currentNode, word.index);
            range.setEnd(texts.currentNode, word.index + word[0].length);
            if (range.getClientRects().length > 1) broken.push(word[0]);
        }
    }
    return broken;
}"""
"""JavaScript that returns the words of an element that are broken over two lines."""
