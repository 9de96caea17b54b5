"""From scan to canonical page: the skew of any page, and where a form's places lie on a scan of it."""

from scanner.register.features import Print
from scanner.register.fiducials import Fiducials
from scanner.register.fit import Registration, register, register_flat, register_marked
from scanner.register.frames import printed_off_mm
from scanner.register.reference import Reference, make_reference
from scanner.register.skew import estimate_skew

__all__ = [
    "Fiducials",
    "Print",
    "Reference",
    "Registration",
    "estimate_skew",
    "make_reference",
    "printed_off_mm",
    "register",
    "register_flat",
    "register_marked",
]
