"""Settings of the website of the lessons; tools/build_site.py puts the pages beside this file."""

import re

project = html_title = "The AutoResearch course"
language = "en"
extensions = ["myst_nb"]
nb_execution_mode = "off"  # tools/build_site.py has run them
nb_ipywidgets_js = {}  # nothing is loaded from elsewhere
myst_heading_anchors = 3
html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["course.css"]
html_copy_source = html_show_sourcelink = False
html_use_index = False
# Both reach 4.5:1 on their backgrounds.
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"


def _tables_scroll_by_keyboard(app, pagename, templatename, context, doctree):
    """Let a table that is wider than the screen be reached, and so scrolled, by keyboard."""
    numbers = iter(range(1, 10_000))

    def reachable(found: re.Match) -> str:
        label = f"table {next(numbers)}"
        return f'<div class="wide" tabindex="0" role="group" aria-label="{label}">{found[0]}</div>'

    if "body" in context:
        context["body"] = re.sub(
            r"<table\b.*?</table>", reachable, context["body"], flags=re.DOTALL
        )


def setup(app):
    """Called by Sphinx."""
    app.connect("html-page-context", _tables_scroll_by_keyboard)
