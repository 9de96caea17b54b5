"""What holds for all tests."""

import os

os.environ["SCANNER_WORKERS"] = "1"  # commands read in the process of the tests; those about workers say so
