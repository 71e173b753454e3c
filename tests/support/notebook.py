#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs a notebook without Jupyter: its cells in one namespace, each one's output as Jupyter would keep it.

    CORE=core.1234 python3 tests/support/notebook.py docs/culprit.ipynb [--write]

--write keeps the outputs in the notebook. Needs what the cells import, nothing else. Ends with 1 at the first cell that
fails, and says which."""
import argparse
import ast
import base64
import contextlib
import io
import json
import os
import sys
import traceback


class Failed(Exception):
    pass


def run_cell(source, namespace):
    """What was printed, and the value of a last expression (None: it has none)."""
    tree = ast.parse(source)
    last = ast.Expression(tree.body.pop().value) if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, "<cell>", "exec"), namespace)  # pylint: disable=exec-used
        value = eval(compile(last, "<cell>", "eval"), namespace) if last else None  # pylint: disable=eval-used
    return printed.getvalue(), value


def figures():
    """Those that matplotlib has open, as PNG; they are closed."""
    if "matplotlib.pyplot" not in sys.modules:
        return []
    pyplot = sys.modules["matplotlib.pyplot"]
    made = []
    for number in pyplot.get_fignums():
        data = io.BytesIO()
        pyplot.figure(number).savefig(data, format="png", dpi=60, metadata={"Software": None})
        made.append(base64.b64encode(data.getvalue()).decode())
    pyplot.close("all")
    return made


def outputs_of(printed, value, count):
    found = [{"output_type": "stream", "name": "stdout", "text": printed.splitlines(True)}] if printed else []
    drawn = figures()
    if value is not None and not drawn:
        data = {"text/plain": repr(value).splitlines(True)}
        html = getattr(value, "_repr_html_", None)
        if html is not None:
            data["text/html"] = html().splitlines(True)
        found.append({"output_type": "execute_result", "execution_count": count, "data": data, "metadata": {}})
    found += [{"output_type": "display_data", "data": {"image/png": one}, "metadata": {}} for one in drawn]
    return found


def run(path):
    """The notebook with the outputs of this run."""
    with open(path, encoding="utf-8") as file:
        notebook = json.load(file)
    namespace = {"__name__": "__main__"}
    count = 0
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        count += 1
        source = "".join(cell["source"])
        try:
            printed, value = run_cell(source, namespace)
            cell["outputs"] = outputs_of(printed, value, count)
        except Exception:
            raise Failed("cell %d of %s fails:\n%s\n%s" % (count, path, source, traceback.format_exc()))
        cell["execution_count"] = count
    return notebook


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebook")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    os.environ.setdefault("MPLBACKEND", "Agg")
    try:
        notebook = run(options.notebook)
    except Failed as failure:
        sys.exit(str(failure))
    if options.write:
        with open(options.notebook, "w", encoding="utf-8") as file:
            json.dump(notebook, file, indent=1, ensure_ascii=False, sort_keys=True)
            file.write("\n")
    print("%d cells ran" % sum(cell["cell_type"] == "code" for cell in notebook["cells"]))


if __name__ == "__main__":
    main()
