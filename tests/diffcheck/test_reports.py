"""JUnit and the page; the page is opened in a headless browser where one is installed."""

import html
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

import diffcheck
from diffcheck import Options
from diffcheck.show.html import page_data, to_html
from diffcheck.show.junit import to_junit
from diffcheck.show.report import Variation

NARROWEST = 500  # pixels of a window of Chromium
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
    assert opened.partition('id="figures"')[2].partition("</table>")[0].count("<tr>") == 1 + sum(
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


def title_after(page, folder, script, width=1440):
    """What a script makes of the page's title."""
    return re.search(r"<title>(.*?)</title>", dom_after(page, folder, script, width), re.DOTALL)[1]


SHOWN = "[...document.querySelectorAll('#tree .open')].filter(button => button.offsetParent).length"


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here: make browser installs it")
def test_in_a_browser_modules_are_searched_filtered_and_folded(report, tmp_path):
    seen = title_after(
        to_html(report, "tiny"),
        tmp_path,
        f"""
          const found = [{SHOWN}];
          const search = document.getElementById("search"), only = document.getElementById("differing");
          search.value = "LAYER.1.attention"; search.dispatchEvent(new Event("input")); found.push({SHOWN});
          search.value = ""; search.dispatchEvent(new Event("input"));
          only.click(); found.push({SHOWN}); only.click();
          document.getElementById("fold-all").click(); found.push({SHOWN});
          document.getElementById("unfold-all").click(); found.push({SHOWN});
          document.querySelector('[data-path="encoder"]').click(); found.push({SHOWN});
          found.push(document.querySelector('[data-path="encoder"]').getAttribute("aria-expanded"));
          document.title = found.join();
        """,
    )
    paths = [module.path for module in report.modules]
    verdicts = [module.verdict for module in report.modules]
    counts = [
        len(paths),
        sum("layer.1.attention" in path for path in paths),
        sum(verdict in ("origin", "amplifies", "carries") for verdict in verdicts),
        sum(not any(above and path.startswith(f"{above}.") for above in paths) for path in paths),
        len(paths),
        sum(not path.startswith("encoder.") for path in paths),
    ]
    assert seen == ",".join([*map(str, counts), "false"])


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here: make browser installs it")
def test_in_a_browser_each_input_has_a_tab(report, tmp_path):
    varied = replace(report, variations=(Variation("one row", report.outputs),))
    seen = title_after(
        to_html(varied, "tiny"),
        tmp_path,
        """
          const tabs = [...document.querySelectorAll('[role="tab"]')];
          tabs[1].click();
          document.title = tabs.map(tab => tab.textContent + " " + tab.getAttribute("aria-selected")).join("; ") +
            "; " + document.querySelectorAll("#outputs tbody tr").length;
        """,
    )
    assert seen == f"the inputs: differs false; one row: differs true; {len(report.outputs.tensors)}"


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here: make browser installs it")
def test_in_a_browser_files_open_in_the_chosen_editor_and_places_are_copied(report, tmp_path):
    seen = title_after(
        to_html(report, "tiny", {"command": "porter diff --model x"}),
        tmp_path,
        """
          const copied = [], files = () => [...document.querySelectorAll("a.file")];
          const links = () => files().map(link => link.getAttribute("href"));
          Object.defineProperty(navigator, "clipboard", {value: {writeText: async text => copied.push(text)}});
          const found = links();
          const editor = document.getElementById("editor");
          editor.value = "vscode://file{path}:{line}"; editor.dispatchEvent(new Event("change"));
          found.push(...links());
          document.querySelectorAll("button.copy").forEach(button => button.click());
          document.title = JSON.stringify([found, copied]);
        """,
    )
    links, copied = json.loads(html.unescape(seen))
    places = [(Path(side.file).absolute(), side.line) for side in (report.origin.torch, report.origin.tf)]
    in_editor = [f"vscode://file{path}:{line}" for path, line in places]
    assert links == [*(f"file://{path}" for path, _ in places), *in_editor]
    assert copied == [*(f"{path}:{line}" for path, line in places), "porter diff --model x"]


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here: make browser installs it")
def test_in_a_browser_the_legend_and_how_it_was_made_are_shown(report, tmp_path):
    opened = dom_after(to_html(report, "tiny", {"date": "2031-02-03", "versions": "torch 9"}), tmp_path, "")
    assert set(re.findall(r'<dt class="\w+">(\w+)</dt>', opened)) >= {module.verdict for module in report.modules}
    assert re.search(r"<dt>date</dt><dd>2031-02-03</dd><dt>versions</dt><dd>torch 9</dd>", opened)


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here: make browser installs it")
@pytest.mark.parametrize("width", [390, 900, 1440])
def test_in_a_browser_nothing_is_cut_at_any_width_and_a_phone_shows_the_source_first(report, tmp_path, width):
    deep = replace(report.origin, path="a_long_name_that_does_not_end." * 6 + report.origin.path)
    modules = [replace(each, path=deep.path) if each.verdict == "origin" else each for each in report.modules]
    seen = title_after(
        to_html(replace(report, origin=deep, modules=modules), "tiny"),
        tmp_path,
        """
          const cut = [...document.querySelectorAll("li.wrong code")].filter(line => {
            const range = document.createRange();
            range.selectNodeContents(line);
            return range.getBoundingClientRect().right > line.closest(".source").getBoundingClientRect().right + 1;
          });
          const broken = [...document.querySelectorAll("#outputs th")].filter(head => {
            const range = document.createRange();
            range.selectNodeContents(head);
            const lines = new Set([...range.getClientRects()].map(line => line.top));
            return lines.size > head.textContent.split(" ").length;
          });
          const y = id => document.getElementById(id).getBoundingClientRect().top;
          const beyond = Math.max(0, document.documentElement.scrollWidth - window.innerWidth);
          document.title = [window.innerWidth, cut.length, broken.length, beyond, y("sources") < y("tree")].join();
        """,
        width,
    )
    assert seen == f"{width},0,0,0,{'true' if width <= 900 else 'false'}"


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here: make browser installs it")
@pytest.mark.parametrize("width", [390, 1440])
def test_in_a_browser_the_module_shown_is_in_view_among_hundreds(report, tmp_path, width):
    last = replace(report.origin, path="last.wrong")
    clean = next(module for module in report.modules if module.verdict == "clean")
    wrong = next(module for module in report.modules if module.verdict == "origin")
    many = [replace(clean, path=f"layer.{number // 8}.part_{number % 8}") for number in range(400)]
    seen = title_after(
        to_html(replace(report, origin=last, modules=[*many, replace(wrong, path="last.wrong")]), "tiny"),
        tmp_path,
        """
          document.getElementById("unfold-all").click();
          show(400);
          const inside = (part, whole) => {
            const [row, box] = [part, whole].map(each => each.getBoundingClientRect());
            const across = row.left >= box.left - 1 && row.right <= box.right + 1;
            return row.top >= box.top - 1 && row.bottom <= box.bottom + 1 && across;
          };
          const byId = id => document.getElementById(id), bar = document.querySelector('[data-module="400"]');
          document.title = [inside(byId("module-400"), byId("tree")), inside(bar, byId("chart"))].join();
        """,
        width,
    )
    assert seen == "true,true"


def dom_after(page, folder, script, width=1440):
    """The page's elements after a script; fails if the console shows an error."""
    file = folder / "report.html"
    file.write_text(page.replace("</body>", f"<script>{{{script}}}</script></body>"))
    if width < NARROWEST:
        file = framed(file, width)
    done = subprocess.run(
        [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom",
         "--virtual-time-budget=5000", f"--window-size={max(width, NARROWEST)},900",
         f"--user-data-dir={folder / 'profile'}", file.as_uri()],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
    return done.stdout


def framed(file, width):
    """A page that shows another one in a frame as narrow as a phone, and takes over its title."""
    file.write_text(
        file.read_text().replace("</body>", "<script>parent.postMessage(document.title, '*')</script></body>")
    )
    frame = f'<iframe src="{file.name}" style="border: 0; width: {width}px; height: 850px"></iframe>'
    listening = "<script>onmessage = event => { document.title = event.data; }</script>"
    around = file.with_name("frame.html")
    around.write_text(f"<!DOCTYPE html><title></title>{listening}{frame}")
    return around
