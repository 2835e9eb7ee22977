"""Configuration of the site: ``sphinx-build -W docs docs/_build/html``."""

import sys
from pathlib import Path

import skebm

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

project, author, release = "skebm", "The skebm developers", skebm.__version__
copyright = "the skebm developers"
extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
    "matplotlib.sphinxext.plot_directive",
    "sphinx-mathjax-offline",
]
plot_formats = [("png", 110)]
plot_html_show_formats = plot_html_show_source_link = False
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
# relative links to files of the repository (examples, benchmarks) are no pages
suppress_warnings = ["myst.xref_missing", "config.cache"]
autosummary_generate = True
# docstrings say more about types
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
autodoc_default_options = {"members": True, "inherited-members": False, "undoc-members": False}
exclude_patterns = ["_build"]
templates_path = ["_templates"]
html_theme = "pydata_sphinx_theme"
html_title = "skebm"
html_theme_options = {"show_prev_next": False, "navigation_depth": 2}
# single pages have no sections to navigate
html_sidebars = {"*": []}
html_show_sourcelink = False
html_static_path = ["_static"]
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"/plot_",
    "download_all_examples": False,
    "show_memory": False,
    "remove_config_comments": True,
}


def write_machine(app, error):
    """Write the machine of the playground into the finished site."""
    if error is None and app.builder.format == "html":
        from playground_model import script, train

        path = Path(app.outdir) / "_static" / "playground_model.js"
        path.write_text(script(*train()))


def setup(app):
    """Connect to Sphinx."""
    app.connect("build-finished", write_machine)
