"""What all tests share: quiet frameworks, set before any of them is imported."""

from porter.quiet import quiet_frameworks

quiet_frameworks()
