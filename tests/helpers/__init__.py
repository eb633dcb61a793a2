"""What tests share, one noun a file; fixtures are in the conftest.py of their folder."""

from pkgutil import iter_modules

import pytest

# so that their assertions tell values as those of tests do
pytest.register_assert_rewrite(*(f"{__name__}.{module.name}" for module in iter_modules(__path__)))
