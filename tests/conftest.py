"""What all tests share: quiet frameworks, set before any of them is imported."""

from porter.console import quiet_frameworks

quiet_frameworks()
