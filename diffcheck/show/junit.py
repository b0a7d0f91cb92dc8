"""The report as JUnit XML, one test case per module, for continuous integration."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from diffcheck.show.report import ModuleResult, Report

SUITE = "diffcheck"
# XML has no way to hold these, not even as references.
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_junit(report: Report) -> str:
    """Outputs and modules as test cases; origins and differing outputs fail, modules without a partner are skipped."""
    cases = [_output_case(report), *(_module_case(report, module) for module in report.modules)]
    failures = sum(case.find("failure") is not None for case in cases)
    skipped = sum(case.find("skipped") is not None for case in cases)
    suite = ElementTree.Element(
        "testsuite", name=SUITE, tests=str(len(cases)), failures=str(failures), skipped=str(skipped), errors="0"
    )
    suite.extend(cases)
    for element in suite.iter():
        element.text = element.text and _escaped(element.text)
        for name, value in element.items():
            element.set(name, _escaped(value))
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _output_case(report: Report) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=SUITE, name="outputs")
    if not report.matches:
        text = "\n".join(report.sentences())
        failure = ElementTree.SubElement(case, "failure", message=text.splitlines()[0])
        failure.text = text
    return case


def _module_case(report: Report, module: ModuleResult) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=f"{SUITE}.{module.class_name}", name=module.path or "(model)")
    if module.tf:
        case.set("file", module.tf.file)
        case.set("line", str(module.tf.line))
    if module.verdict == "unpaired":
        ElementTree.SubElement(case, "skipped", message=module.reason or "no partner")
    if module.verdict == "origin":
        cause = report.origin.cause if report.origin and report.origin.path == module.path else None
        found = module.alone.sentence() if module.alone else module.crash.message if module.crash else ""
        failure = ElementTree.SubElement(case, "failure", message=cause or "differs by itself")
        failure.text = found
    return case


def _escaped(text: str) -> str:
    """The text with characters that XML cannot hold written as Python writes them."""
    return _NOT_IN_XML.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
