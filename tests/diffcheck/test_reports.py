"""JUnit and the page; the page is opened in a headless browser where one is installed."""

import json
import re
import shutil
import subprocess
from xml.etree import ElementTree

import pytest

import diffcheck
from diffcheck import Options
from diffcheck.show.html import page_data, to_html
from diffcheck.show.junit import to_junit

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture
def report(twins):
    twins.tf.tiny.encoder.layer[1].intermediate.approximate = True
    return diffcheck.diff(twins.torch, twins.tf, twins.inputs, Options(layer_by_layer=True))


def test_junit_fails_the_origin_and_skips_the_unpaired(report):
    suite = ElementTree.fromstring(to_junit(report))
    failed = [case.get("name") for case in suite if case.find("failure") is not None]
    assert failed == ["outputs", "encoder.layer.1.intermediate"]
    assert "GELU" in suite.findall("testcase/failure")[1].get("message")
    assert int(suite.get("skipped")) == sum(module.verdict == "unpaired" for module in report.modules)
    assert int(suite.get("tests")) == len(report.modules) + 1


def test_the_page_holds_everything_and_asks_nobody(report):
    page = to_html(report, "tiny </script> & co")
    assert not re.search(r"(src|href)=\"?(http|//)", page)
    assert page.count("</script>") == 2
    data = json.loads(page.split('id="data">')[1].split("</script>")[0])
    assert data == json.loads(json.dumps(page_data(report, "tiny </script> & co")))
    wrong = data["origin"]["tf"]
    assert "tf.nn.gelu" in data["files"][wrong["file"]][wrong["line"] - 1]
    assert max(map(max, data["origin"]["heat"]["cells"])) == pytest.approx(
        next(m for m in report.modules if m.verdict == "origin").float64.double, rel=0.1
    )


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here: make browser installs it")
def test_in_a_browser_a_module_opens_its_source_and_marks_the_wrong_line(report, tmp_path):
    number = [module.path for module in report.modules].index("encoder.layer.1.intermediate")
    clean = [module.path for module in report.modules].index("pooler")
    page = to_html(report, "tiny")
    opened = dom_after(page, tmp_path, f"document.getElementById('module-{clean}').click();")
    assert "pooler: carries</h2>" in opened
    assert 'class="wrong mono"' not in opened
    opened = dom_after(page, tmp_path, f"document.getElementById('module-{number}').click();")
    assert "encoder.layer.1.intermediate: origin</h2>" in opened
    marked = re.findall(r'<li class="wrong mono"[^>]*>(.*?)</li>', opened)
    assert ["gelu" in line or "intermediate_act_fn" in line for line in marked] == [True, True]
    assert opened.count("<rect") > len(report.modules) / 2
    assert opened.count("<tr>") == 1 + sum(
        (value.torch is not None) + (value.tf is not None) for value in report.origin.values
    )


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here: make browser installs it")
def test_in_a_browser_the_wrong_line_is_in_view_and_keys_walk_the_modules(report, tmp_path):
    seen = dom_after(
        to_html(report, "tiny"),
        tmp_path,
        """
          const inside = line => {
            const [row, box] = [line, line.closest(".source")].map(part => part.getBoundingClientRect());
            return row.top >= box.top && row.bottom <= box.bottom;
          };
          document.title = [...document.querySelectorAll("li.wrong")].map(inside).join();
          const first = document.getElementById("module-0");
          first.focus();
          first.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowDown", bubbles: true}));
          document.title += " " + document.activeElement.id;
        """,
    )
    assert "<title>true,true module-1</title>" in seen


def dom_after(page, folder, script):
    """The page's elements after a script; fails if the console shows an error."""
    file = folder / "report.html"
    file.write_text(page.replace("</body>", f"<script>{script}</script></body>"))
    done = subprocess.run(
        [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom",
         "--virtual-time-budget=5000",
         f"--user-data-dir={folder / 'profile'}", file.as_uri()],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert "CONSOLE" not in done.stderr, done.stderr
    return done.stdout
