"""Brown's tags as the twelve universal parts of speech.

The assignment is the one that Petrov, Das and McDonald published with "A Universal Part-of-Speech Tagset"
(LREC 2012, arXiv:1104.2086; ``en-brown.map``), written here by class: what they list tag by tag for foreign words,
titles and headlines, and for two words written as one, follows from a few rules.
"""

from __future__ import annotations

import re

_CLASSES = {
    "ADJ": "jj jjr jjs jjt ap od jj+jj ap+ap jjr+cs",
    "ADP": "in cs in+in in+ppo",
    "ADV": "rb rbr rbt rn ql qlp wql wrb * rb+cs rbr+cs",
    "CONJ": "cc",
    "DET": "at dt dti dts dtx dt$ abx pp$ wdt wp$",
    "NOUN": "nn nns np nps nr nrs pn nn$ nns$ np$ nps$ nr$ pn$ cd$ nn+nn nn+in",
    "NUM": "cd",
    "PRON": "pps ppss ppo ppl ppls pp$$ wps wpo",
    "PRT": "abl abn ex to rp uh ap$ jj$ rb$",
    "X": "nil do+ppss wdt+do+pps wdt+ber+pp",
    ".": ". , : ( ) -- ' '' ``",
}
_TAGS = {tag: name for name, tags in _CLASSES.items() for tag in tags.split()}
_VERB = re.compile(r"(be|do|hv|md|vb)[a-z]*\*?(\+.+)?$")
"""Forms of "be", "do" and "have", modals and other verbs, negated or grown together with the word after them."""
UNIVERSAL = (*sorted({*_TAGS.values(), "VERB"}),)


def universal(tag: str, foreign: bool) -> str:
    """The universal part of speech of a plain Brown tag in lower case; foreign words are X.

    Raises:
        KeyError: not a tag of the Brown corpus.
    """
    if foreign:
        return "X"
    if tag not in _TAGS and _VERB.match(tag):
        return "VERB"
    # A word grown together with a verb or a preposition ("I'm", "what's"): the published table calls it a particle.
    return "PRT" if "+" in tag and tag not in _TAGS else _TAGS[tag]
