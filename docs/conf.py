"""How Sphinx builds these pages."""

from importlib.metadata import version as installed

import django
from django.conf import settings
from pygments.lexers.special import TextLexer
from sphinx.highlighting import lexers

project = "bulkclaims"
copyright = "the authors of bulkclaims"
version = release = installed("bulkclaims")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"bulkclaims {version}"

myst_enable_extensions = ["deflist", "fieldlist"]
myst_heading_anchors = 3

# What belongs to a Django project can be imported in one only.
settings.configure(INSTALLED_APPS=["bulkclaims_django"])
django.setup()

# Pygments knows no CSV; without a name for it each such block would be a warning.
lexers["csv"] = TextLexer()

# Docstrings put code into single backticks, as Markdown does.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
# Types of other projects stand in signatures as plain words; links to them would need the network.
nitpick_ignore_regex = [("py:.*", r"(?!bulkclaims).*")]
