# SPDX-License-Identifier: MIT
"""Reads the supplier's list of articles."""


def parse(document):
    lines = document.split("\n")
    articles = [line.split(";") for line in lines]
    for number, article in enumerate(articles, 1):
        if len(article) != 3:
            raise ValueError("line %d has %d fields" % (number, len(article)))
    return articles
