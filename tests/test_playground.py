"""The page of the documentation that runs a machine in the browser."""

import html
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from skebm import RBM
from skebm.units import Categorical, Composite

DOCS = Path(__file__).parents[1] / "docs"
BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = [
    pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine"),
    pytest.mark.skipif(not DOCS.exists(), reason="no documentation beside the tests"),
]
N_PIXELS, N_SWEEPS = 4, 40_000


@pytest.fixture(scope="module")
def machine():
    rng = np.random.default_rng(0)
    rows = np.hstack([rng.integers(2, size=(9, N_PIXELS)), np.eye(3)[rng.integers(3, size=9)]])
    rbm = RBM.from_parameters(
        rng.normal(size=(5, 7)).round(3),
        rng.normal(size=7).round(3),
        rng.normal(size=5).round(3),
        visible=Composite([("bernoulli", N_PIXELS), (Categorical(3), 3)]),
        temperature=0.8,
    )
    return rbm, rows


def run(tmp_path, machine, body):
    """What the body puts into the page's title, once a browser has run it."""
    sys.path.insert(0, str(DOCS))
    try:
        from playground_model import script
    finally:
        sys.path.remove(str(DOCS))
    scripts = (
        "window.onerror = (message) => { document.title = message; };",
        script(*machine, N_PIXELS),
        (DOCS / "_static" / "playground.js").read_text(),
        body,
    )
    page = tmp_path / "page.html"
    page.write_text("<div id=root></div>" + "".join(f"<script>{s}</script>" for s in scripts))
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return html.unescape(re.search(r"<title>(.*?)</title>", done.stdout, re.DOTALL)[1])


def test_chains_have_the_means_of_the_machine(tmp_path, machine):
    rbm, _ = machine
    given = [[1, np.nan, 0, np.nan, np.nan, np.nan, np.nan]]
    body = f"""
        let seed = 1;
        const random = () => {{  // mulberry32
          let t = (seed += 0x6d2b79f5);
          t = Math.imul(t ^ (t >>> 15), t | 1);
          t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
          return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
        }};
        const known = [1, null, 0, null, null, null, null];
        const machine = new Machine(SKEBM_MODEL, random);
        let v = [1, 0, 0, 0, 1, 0, 0];
        const sum = known.map(() => 0);
        for (let n = 0; n < {N_SWEEPS}; n++) {{
          const {{ states, means }} = machine.sweep(v, known, 0.8);
          v = states;
          means.forEach((p, j) => {{ sum[j] += p; }});
        }}
        document.title = JSON.stringify(sum.map((s) => s / {N_SWEEPS}));
    """
    found = np.array(json.loads(run(tmp_path, machine, body)))
    np.testing.assert_allclose(found, rbm.conditional_mean(given)[0], atol=0.01)
    assert found[4:].sum() == pytest.approx(1)


def test_drawing_and_erasing(tmp_path, machine):
    body = """
        // every free pixel is on half of the time
        SKEBM_MODEL.weights = SKEBM_MODEL.weights.map((row) => row.map(() => 0));
        SKEBM_MODEL.visible = SKEBM_MODEL.visible.map(() => 0);
        const draw = playground(document.getElementById("root"), SKEBM_MODEL);
        const canvas = document.querySelector("canvas");
        const colour = (x, y) => Array.from(canvas.getContext("2d").getImageData(x, y, 1, 1).data);
        document.querySelector("[data-do=clear]").click();
        const box = canvas.getBoundingClientRect();
        canvas.dispatchEvent(new PointerEvent("pointerdown", {
          buttons: 1, clientX: box.left + 0.25 * box.width, clientY: box.top + 0.25 * box.height,
        }));
        draw();
        const drawn = [colour(80, 80), colour(240, 80)];
        document.querySelector("[data-do=half]").click();
        draw();
        document.title = JSON.stringify([...drawn, colour(80, 80), colour(80, 240)]);
    """
    ink, paper, still_ink, free = json.loads(run(tmp_path, machine, body))
    assert ink[:3] == still_ink[:3] == [0, 0, 0]
    assert paper[:3] == [255, 255, 255]
    assert free[:3] == [128, 128, 255]  # blue: drawn by the machine
